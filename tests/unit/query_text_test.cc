// The operators that look into texts: like, regex, contains and its kin.
#include <gtest/gtest.h>

#include <string>

#include "msgpack/writer.h"
#include "query/filter.h"
#include "query_pack.h"

namespace topgun::query {
namespace {

std::string PackText(std::string_view text) {
  std::string bytes;
  msgpack::Writer(bytes).Str(text);
  return bytes;
}

// Of a row that is nothing but the text.
bool Holds(std::string_view op, std::string_view operand, std::string_view text) {
  std::string predicate;
  msgpack::Writer writer(predicate);
  writer.MapHeader(3);
  writer.Str("op");
  writer.Str(op);
  writer.Str("attribute");
  writer.Str("_value");
  writer.Str("value");
  writer.Raw(operand);
  const StatusOr<Filter> filter = Filter::Parse("", predicate);
  EXPECT_TRUE(filter.ok()) << filter.status();
  return filter.ok() && filter->Matches("k", PackText(text));
}

bool Like(std::string_view pattern, std::string_view text) {
  return Holds("like", PackText(pattern), text);
}
bool Finds(std::string_view expression, std::string_view text) {
  return Holds("regex", PackText(expression), text);
}

TEST(LikeTest, IsAnchoredAndTakesRunsAndCharacters) {
  EXPECT_TRUE(Like("%b%d%", "abcde"));
  EXPECT_TRUE(Like("a%a%a", "aXaXaa"));
  EXPECT_FALSE(Like("a%a%a", "aXa"));
  EXPECT_TRUE(Like("%aab", "aaaab"));
  EXPECT_TRUE(Like("%%%", ""));
  EXPECT_FALSE(Like("_", ""));
  EXPECT_TRUE(Like("_%_", "ab"));
  EXPECT_FALSE(Like("_%_", "a"));
  EXPECT_TRUE(Like("a_c", "aéc")) << "one character, two bytes";
  EXPECT_TRUE(Like("_", "😀"));
  EXPECT_FALSE(Like("__", "😀"));
  EXPECT_FALSE(Like("ab", "abc"));
}

TEST(LikeTest, LeavesLineFeedsToThemselves) {
  EXPECT_FALSE(Like("a%", "a\n"));
  EXPECT_FALSE(Like("a%", "ab\nc"));
  EXPECT_FALSE(Like("%c", "ab\nc"));
  EXPECT_FALSE(Like("a_", "a\n"));
  EXPECT_TRUE(Like("a%\n%c", "abc\nabc"));
  EXPECT_FALSE(Like("%\n%b", "x\n\nb"));
}

TEST(LikeTest, FoldsCaseOfAllScripts) {
  EXPECT_TRUE(Like("STRASSE", "strasse"));
  EXPECT_FALSE(Like("STRASSE", "straße")) << "one character stands for one";
  EXPECT_TRUE(Like("Σ%", "ςσ"));
  EXPECT_TRUE(Like("ПРИВЕТ", "привет"));
  EXPECT_TRUE(Like("k", "K")) << "the Kelvin sign";
  EXPECT_TRUE(Like("ẞ", "ß"));
  EXPECT_FALSE(Like("i", "İ"));
  EXPECT_TRUE(Like("ǅ", "Ǆ"));
  EXPECT_TRUE(Like("𐐀", "𐐨"));
}

TEST(LikeTest, EndsWhenItCostsTooMuch) {
  const std::string text(300'000, 'a');
  EXPECT_TRUE(Like("%a", text));
  EXPECT_FALSE(Like("%" + std::string(1'000, 'a') + "b", text));
}

TEST(RegexTest, IsSearchedLinearlyInItsOwnSyntax) {
  EXPECT_TRUE(Finds("(a+)+$", std::string(20'000, 'a')));
  EXPECT_FALSE(Finds("(a+)+$", std::string(20'000, 'a') + "b"));
  EXPECT_TRUE(Finds("(?i)^É", "école"));
  EXPECT_FALSE(Finds("a$", "a\n"));
  EXPECT_FALSE(Finds("a.b", "a\nb"));
  EXPECT_TRUE(Finds(R"(^\p{Lu}\p{Ll}+$)", "Émile"));
}

TEST(RegexTest, HoldsForNothingWhenItIsNone) {
  for (const char* const expression : {"(", "a(?=b)", R"((a)\1)", "[z-a]", "\xff", "x{2000}"}) {
    EXPECT_FALSE(Finds(expression, "abx")) << expression;
  }
  EXPECT_FALSE(Finds(R"((\pL{100}){100})", "abc")) << "too large";
  EXPECT_FALSE(Holds("regex", Pack("5"), "5"));
}

TEST(RegexTest, HasALimit) {
  const auto parse = [](size_t size) {
    return Filter::Parse(
        "", Pack(R"({"op":"regex","attribute":"a","value":")" + std::string(size, 'x') + R"("})"));
  };
  EXPECT_TRUE(parse(1'024).ok());
  EXPECT_EQ(Message(parse(1'025).status()),
            "predicate: value: an expression must have at most 1024 bytes");
}

TEST(ContainsTest, FindsPartsWhateverTheirCase) {
  const auto contains = [](std::string_view part, std::string_view text) {
    return Holds("contains", PackText(part), text);
  };
  EXPECT_TRUE(contains("AN", "banana"));
  EXPECT_TRUE(contains("", ""));
  EXPECT_TRUE(contains("École", "l'éCOLE"));
  EXPECT_FALSE(contains("ananas", "banana"));
  EXPECT_FALSE(Holds("contains", Pack("1"), "1"));
  EXPECT_TRUE(contains("\xff", "a\xff"));
}

TEST(ContainsTest, TakesArraysOfParts) {
  EXPECT_TRUE(Holds("containsAll", Pack(R"(["AN","b"])"), "Banana"));
  EXPECT_FALSE(Holds("containsAll", Pack(R"(["an","x"])"), "banana"));
  EXPECT_TRUE(Holds("containsAny", Pack(R"(["x","NA"])"), "banana"));
  EXPECT_FALSE(Holds("containsAny", Pack(R"(["x",1])"), "banana1"));
  EXPECT_FALSE(Holds("containsAny", Pack("[]"), "banana"));
  EXPECT_FALSE(Holds("containsAll", Pack(R"(["an",1])"), "banana1"));
  EXPECT_FALSE(Holds("containsAny", Pack(R"("an")"), "banana")) << "one part by itself";
}

// Both consist of what makes a simple search slow.
TEST(ContainsTest, IsLinear) {
  const std::string text(1'000'000, 'a');
  EXPECT_FALSE(Holds("contains", PackText(std::string(30'000, 'a') + "b"), text));
  EXPECT_TRUE(Holds("contains", PackText(std::string(30'000, 'a')), text));
}

}  // namespace
}  // namespace topgun::query
