#include "gateway/http/byte_scan.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

// More than two blocks of sixteen, so that a byte lies in, before and behind each of them.
constexpr size_t kMaxLength = 35;

struct Scan {
  const char* name;
  bool (*belongs)(char byte);
  const char* (*best)(const char* p, const char* end);
  const char* (*portable)(const char* p, const char* end);
  const char* (*of_text)(std::string_view text, const char* p) = nullptr;
};

constexpr Scan kScans[] = {
    {"token", IsTokenByte, SkipTokenBytes, portable::SkipTokenBytes, SkipTokenBytes},
    {"target", IsTargetByte, SkipTargetBytes, portable::SkipTargetBytes},
    {"value", IsValueByte, SkipValueBytes, portable::SkipValueBytes, SkipValueBytes},
};

size_t Expected(const Scan& scan, const std::string& text) {
  size_t n = 0;
  while (n < text.size() && scan.belongs(text[n])) ++n;
  return n;
}

void ExpectBoth(const Scan& scan, const std::string& text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const size_t expected = Expected(scan, text);
  ASSERT_EQ(static_cast<size_t>(scan.best(begin, end) - begin), expected) << scan.name;
  ASSERT_EQ(static_cast<size_t>(scan.portable(begin, end) - begin), expected) << scan.name;
}

TEST(ByteScan, FindsEveryByteAtEveryPlaceOfEveryLength) {
  for (const Scan& scan : kScans) {
    for (size_t length = 0; length <= kMaxLength; ++length) {
      ExpectBoth(scan, std::string(length, 'a'));
      for (size_t at = 0; at < length; ++at) {
        for (int byte = 0; byte < 256; ++byte) {
          std::string text(length, 'a');
          text[at] = static_cast<char>(byte);
          ExpectBoth(scan, text);
        }
      }
    }
  }
}

TEST(ByteScan, FindsEveryByteBesideEveryOther) {
  for (const Scan& scan : kScans) {
    for (int first = 0; first < 256; ++first) {
      for (int second = 0; second < 256; ++second) {
        for (const size_t before : {6u, 15u}) {
          std::string text(before, 'a');
          text += static_cast<char>(first);
          text += static_cast<char>(second);
          text.resize(kMaxLength, 'a');
          ExpectBoth(scan, text);
        }
      }
    }
  }
}

// Of a text in a buffer of its own size, from each place on.
TEST(ByteScan, FindsEveryByteAtEveryPlaceFromEveryPlaceOfAText) {
  for (const Scan& scan : kScans) {
    if (scan.of_text == nullptr) continue;
    for (size_t length = 0; length <= kMaxLength; ++length) {
      for (size_t at = 0; at <= length; ++at) {
        for (int byte = 0; byte < 256; ++byte) {
          // Before `at` is what belongs nowhere.
          std::string text = std::string(at, '\0') + std::string(length - at, 'a');
          if (at < length) text[at + (length - at) / 2] = static_cast<char>(byte);
          const std::vector<char> exact(text.begin(), text.end());
          const size_t expected = at + Expected(scan, text.substr(at));
          const std::string_view view(exact.data(), exact.size());
          ASSERT_EQ(scan.of_text(view, view.data() + at), view.data() + expected)
              << scan.name << " of " << length << " from " << at << ", byte " << byte;
        }
      }
    }
  }
}

TEST(FindByte, FindsTheFirstWhereverItIs) {
  for (size_t length = 0; length <= kMaxLength; ++length) {
    for (size_t from = 0; from <= length; ++from) {
      for (size_t at = 0; at <= length; ++at) {
        // Another one behind it, and one before the place to begin at.
        std::string text(length, 'a');
        for (size_t i = at; i < length; i += 3) text[i] = ':';
        const std::vector<char> exact(text.begin(), text.end());
        const char* const begin = exact.data();
        const size_t expected = std::min(text.find(':', from), length);
        ASSERT_EQ(FindByte(begin + from, begin + length, ':'), begin + expected);
        ASSERT_EQ(portable::FindByte(begin + from, begin + length, ':'), begin + expected);
      }
    }
  }
}

TEST(FindHeadEnd, JudgesTheFirstLineFeedThatEndsAHeadOrHasNoCr) {
  using Kind = LineEnd::Kind;
  const auto find = [](std::string_view text) { return FindHeadEnd(text, 0); };
  EXPECT_EQ(find(""), LineEnd());
  EXPECT_EQ(find("GET / HTTP/1.1\r\nA: b\r\n"), LineEnd());
  EXPECT_EQ(find("A: b\r\n\r\nC: d\r\n\r\n"), (LineEnd{Kind::kEmptyLine, 7}));
  EXPECT_EQ(find("\r\nA: b"), (LineEnd{Kind::kEmptyLine, 1}));
  EXPECT_EQ(find("A: b\nC: d\r\n\r\n"), (LineEnd{Kind::kBare, 4}));
  EXPECT_EQ(find("\n"), (LineEnd{Kind::kBare, 0}));
  EXPECT_EQ(find("a\r\n\n"), (LineEnd{Kind::kBare, 3}));
}

// All texts of the bytes that matter, at each place of a block, and from each place on.
TEST(FindHeadEnd, IsTheSameWithAndWithoutBlocks) {
  constexpr std::string_view kBytes = "\r\na";
  constexpr size_t kLetters = 6;
  for (int number = 0; number < 729; ++number) {
    std::string letters;
    for (int rest = number; letters.size() < kLetters; rest /= 3) letters += kBytes[rest % 3];
    for (size_t before = 0; before < 36; ++before) {
      for (const size_t after : {0u, 1u, 9u, 10u, 16u, 20u}) {
        const std::string text = std::string(before, 'b') + letters + std::string(after, 'c');
        for (const size_t from : {size_t{0}, before, before + 3}) {
          ASSERT_EQ(FindHeadEnd(text, from), portable::FindHeadEnd(text, from))
              << number << " at " << before << " from " << from;
        }
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::http
