#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>

#include "crdt/js_text.h"

namespace topgun::crdt {
namespace {

// A positive finite number as digits and the power of ten of the first one.
struct Decimal {
  std::string digits;
  int exponent = 0;
};

// The fewest digits that read back as the same number.
Decimal Shortest(double value) {
  char buffer[32];  // "d.ddddddddddddddddde+xxx"
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t mark = text.find('e');

  Decimal decimal;
  decimal.digits = text.front();
  if (mark > 2) decimal.digits.append(text.substr(2, mark - 2));
  const size_t plus = text[mark + 1] == '+' ? 1 : 0;  // from_chars knows '-' only
  std::from_chars(text.data() + mark + 1 + plus, end, decimal.exponent);
  return decimal;
}

// The layout rules of Number::toString in ECMAScript.
void AppendDecimal(std::string& out, const Decimal& decimal) {
  const std::string& digits = decimal.digits;
  const int count = static_cast<int>(digits.size());
  const int point = decimal.exponent + 1;  // digits before the decimal point
  if (point > 21 || point <= -6) {
    out.append(digits, 0, 1);
    if (count > 1) out.append(".").append(digits, 1);
    out.append(decimal.exponent < 0 ? "e-" : "e+");
    out.append(std::to_string(std::abs(decimal.exponent)));
  } else if (point <= 0) {
    out.append("0.").append(static_cast<size_t>(-point), '0').append(digits);
  } else if (point >= count) {
    out.append(digits).append(static_cast<size_t>(point - count), '0');
  } else {
    const auto whole = static_cast<size_t>(point);
    out.append(digits, 0, whole).append(".").append(digits, whole);
  }
}

}  // namespace

void AppendNumberText(std::string& out, double value) {
  if (std::isnan(value)) {
    out.append("NaN");
  } else if (std::isinf(value)) {
    out.append(value < 0 ? "-Infinity" : "Infinity");
  } else if (value == 0) {
    out.push_back('0');  // -0 too
  } else {
    if (value < 0) out.push_back('-');
    AppendDecimal(out, Shortest(std::fabs(value)));
  }
}

}  // namespace topgun::crdt
