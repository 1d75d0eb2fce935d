// The words of records, of texts and of answers.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "msgpack/writer.h"
#include "search/document_text.h"
#include "search/tokens.h"
#include "support/vectors.h"

namespace topgun::search {
namespace {

using Strings = std::vector<std::string>;

Strings TextsOfJson(std::string_view json) {
  const std::string value = support::ToMsgpack(support::ParseJson(json));
  Strings texts;
  for (const std::string_view text : TextsOf(value)) texts.emplace_back(text);
  return texts;
}

Strings TokensOf(std::string_view text) {
  Strings tokens;
  for (Tokenizer tokenizer(text); tokenizer.Next();) tokens.emplace_back(tokenizer.token());
  return tokens;
}

TEST(DocumentText, IsEveryStringThatIsNotEmptyAtAnyDepth) {
  EXPECT_EQ(TextsOfJson(R"({"a":"x","b":{"c":["y","",{"d":"z"}],"e":7,"f":true,"g":null}})"),
            (Strings{"x", "y", "z"}));
  EXPECT_EQ(TextsOfJson(R"("alone")"), (Strings{"alone"}));
  EXPECT_EQ(TextsOfJson(R"(["b","a"])"), (Strings{"b", "a"}));
  EXPECT_EQ(TextsOfJson("42"), Strings());
}

TEST(DocumentText, FollowsTheKeysOfMaps) {
  EXPECT_EQ(TextsOfJson(R"({"z":"1","b":["2","3"],"aa":{"y":"5","x":"4"},"a":"0"})"),
            (Strings{"0", "4", "5", "2", "3", "1"}));
}

TEST(DocumentText, TakesTheLastOfEqualKeys) {
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(3);
  writer.Str("k");
  writer.Str("old");
  writer.Str("a");
  writer.Str("first");
  writer.Str("k");
  writer.Str("new");
  const std::vector<std::string_view> texts = TextsOf(value);
  EXPECT_EQ(Strings(texts.begin(), texts.end()), (Strings{"first", "new"}));
}

TEST(DocumentText, IsNoBytesAndNoKeys) {
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(3);
  writer.Str("key");
  writer.Bin("bytes");
  writer.Int(1);
  writer.Str("under a number");
  writer.ArrayHeader(1);
  writer.Str("in a key");
  writer.Str("under an array");
  const std::vector<std::string_view> texts = TextsOf(value);
  EXPECT_EQ(texts.size(), 2U);
  for (const std::string_view text : texts) EXPECT_EQ(text.substr(0, 5), "under");
}

TEST(DocumentText, OfMalformedBytesIsWhatCameBefore) {
  const std::string value = support::ToMsgpack(support::ParseJson(R"(["a","b","c"])"));
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_LE(TextsOf(std::string_view(value).substr(0, size)).size(), 2U);
  }
  std::string deep(1'000, '\x91');  // arrays of one element
  deep += "\xa1x";
  EXPECT_TRUE(TextsOf(deep).empty());
}

TEST(Tokens, AreRunsOfLettersAndNumbers) {
  EXPECT_EQ(TokensOf("Hello, World! don't 3.14 snake_case"),
            (Strings{"hello", "world", "don", "t", "3", "14", "snake", "case"}));
  EXPECT_TRUE(TokensOf("").empty());
  EXPECT_TRUE(TokensOf(" .,;!").empty());
}

TEST(Tokens, KnowEveryScript) {
  EXPECT_EQ(TokensOf("ÉTÉ à la Straße"), (Strings{"été", "à", "la", "straße"}));
  EXPECT_EQ(TokensOf("東京 タワー ٠١٢ Ⅻ ½"), (Strings{"東京", "タワー", "٠١٢", "ⅻ", "½"}));
  // Vowel signs of Devanagari, points of Hebrew and circled letters are alphabetic, a virama and
  // accents that stand by themselves are not.
  EXPECT_EQ(TokensOf("किताब"), (Strings{"किताब"}));
  EXPECT_EQ(TokensOf("हिन्दी"), (Strings{"हिन", "दी"}));
  EXPECT_EQ(TokensOf("שָׁלוֹם"), (Strings{"שָׁלוֹם"}));
  EXPECT_EQ(TokensOf("Ⓐⓑ"), (Strings{"ⓐⓑ"}));
  EXPECT_EQ(TokensOf("e\xcc\x81t"), (Strings{"e", "t"}));
  EXPECT_EQ(TokensOf("emoji 😀 smile"), (Strings{"emoji", "smile"}));
  EXPECT_EQ(TokensOf("İstanbul ΑΣ"), (Strings{"i\xcc\x87stanbul", "ασ"}));
}

TEST(Tokens, LeaveOutLongRunsButKeepTheirPlace) {
  const std::string longest(39, 'x');
  EXPECT_EQ(TokensOf("a " + longest + " b"), (Strings{"a", longest, "b"}));
  EXPECT_EQ(TokensOf("a " + longest + "x b"), (Strings{"a", "", "b"}));
  // Bytes count, and those of the text: ⱥ has one more than Ⱥ.
  std::string twenty;
  for (int i = 0; i < 19; ++i) twenty += "Ⱥ";
  EXPECT_EQ(TokensOf(twenty).front().size(), 57U);
  EXPECT_EQ(TokensOf(twenty + "Ⱥ"), (Strings{""}));
}

TEST(Tokens, AreSeparatedByBytesThatAreNoText) {
  EXPECT_EQ(TokensOf("a\xff"
                     "b\xc3"),
            (Strings{"a", "b"}));
}

TEST(MatchedTerms, AreTheWordsOfTheQueryStripped) {
  EXPECT_EQ(MatchedTerms("Machine, LEARNING!"), (Strings{"machine", "learning"}));
  EXPECT_EQ(MatchedTerms("  +full-text\t\"exact  Words\"^2 -- "),
            (Strings{"full-text", "exact", "words\"^2"}));
  EXPECT_EQ(MatchedTerms("ÉTÉ\u3000東京。"), (Strings{"été", "東京"}));
  EXPECT_EQ(MatchedTerms(" .!"), Strings());
}

}  // namespace
}  // namespace topgun::search
