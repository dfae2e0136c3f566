#ifndef HOLDFAST_POOL_NET_WORD_TABLE_H_
#define HOLDFAST_POOL_NET_WORD_TABLE_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "pool/net/check.h"

namespace holdfast::pool {

template <class Enum>
struct WordRow {
  std::string_view word;
  Enum value;
};

// The words that stand for an enum's values: one table for each enum, wherever its words are seen,
// in the configuration, as a metric's label value or in a log line. It also counts the values.
//
//   inline constexpr auto kColorWords = Words<Color>({{"red", Color::kRed}, {"blue",
//   Color::kBlue}}); constexpr const auto& WordsOf(Color) { return kColorWords; }
//
// The rows are in the enum's order, from 0 and without a gap; otherwise it does not compile.
// Constant; any thread.
template <class Enum, size_t kRows>
class WordTable {
 public:
  constexpr explicit WordTable(const WordRow<Enum> (&rows)[kRows]) {
    for (size_t i = 0; i < kRows; ++i) {
      if (static_cast<size_t>(rows[i].value) != i) RowsAreNotInTheOrderOfTheEnum();
      words_[i] = rows[i].word;
    }
  }

  static constexpr size_t size() { return kRows; }
  constexpr const std::array<std::string_view, kRows>& words() const { return words_; }

  constexpr std::string_view WordOf(Enum value) const {
    const auto i = static_cast<size_t>(value);
    HOLDFAST_CHECK(i < kRows);
    return words_[i];
  }

  // The value that the word stands for; nullopt when there is none.
  constexpr std::optional<Enum> ValueOf(std::string_view word) const {
    for (size_t i = 0; i < kRows; ++i) {
      if (words_[i] == word) return static_cast<Enum>(i);
    }
    return std::nullopt;
  }

 private:
  static void RowsAreNotInTheOrderOfTheEnum();  // not constexpr: calling it is the error

  std::array<std::string_view, kRows> words_{};
};

template <class Enum, size_t kRows>
constexpr WordTable<Enum, kRows> Words(const WordRow<Enum> (&rows)[kRows]) {
  return WordTable<Enum, kRows>(rows);
}

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_WORD_TABLE_H_
