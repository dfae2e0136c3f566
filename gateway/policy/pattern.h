#ifndef HOLDFAST_GATEWAY_POLICY_PATTERN_H_
#define HOLDFAST_GATEWAY_POLICY_PATTERN_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace re2 {
class RE2;
}

namespace holdfast::policy {

// A regular expression in RE2's syntax: time is linear in the text, memory is bounded. It is
// compared byte by byte (Latin-1), always with a whole text. A value, cheap to copy; any thread.
class Pattern {
 public:
  static constexpr size_t kMaxBytes = 1024;  // of the expression

  Pattern() = default;
  // The error completes "the pattern is wrong: ".
  static absl::StatusOr<Pattern> Parse(std::string_view text);

  bool empty() const { return compiled_ == nullptr; }
  const std::string& text() const { return text_; }
  // Not of an empty one.
  bool Matches(std::string_view text) const;

  // Whether `to` can be filled in: "\1" to "\9" stand for the groups, "\0" for all, "\\" for a
  // backslash.
  absl::Status CheckReplacement(const std::string& to) const;
  // Appends `to`, which was checked, with its groups as they are in `text`. False: no match.
  bool Replace(std::string_view text, const std::string& to, std::string* out) const;

  bool operator==(const Pattern& other) const { return text_ == other.text_; }

 private:
  std::string text_;
  std::shared_ptr<const re2::RE2> compiled_;
};

// Many patterns that are tried at once. Immutable after construction: any thread.
class PatternSet {
 public:
  // None of them is empty.
  explicit PatternSet(const std::vector<const Pattern*>& patterns);
  ~PatternSet();
  PatternSet(PatternSet&&) noexcept;
  PatternSet& operator=(PatternSet&&) noexcept;

  // Fills in the places of those that match, ascending. False: the set cannot tell, for want of
  // memory, and each is to be tried by itself.
  bool FindAll(std::string_view text, std::vector<int>* places) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_PATTERN_H_
