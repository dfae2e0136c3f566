#include "gateway/policy/pattern.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <array>

#include <absl/strings/str_cat.h>

#include "pool/net/check.h"

namespace holdfast::policy {
namespace {

// Of one expression's program and of the states that it has been in.
constexpr int64_t kMaxMemory = 1 << 20;
constexpr int64_t kMaxSetMemory = 16 << 20;
// "\0" to "\9".
constexpr int kMaxGroups = 10;

re2::RE2::Options OptionsWith(int64_t memory) {
  re2::RE2::Options options(re2::RE2::Latin1);
  options.set_log_errors(false);
  options.set_max_mem(memory);
  return options;
}

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<Pattern> Pattern::Parse(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("it is empty");
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat("it is longer than ", kMaxBytes, " bytes"));
  }
  auto compiled = std::make_shared<const re2::RE2>(Piece(text), OptionsWith(kMaxMemory));
  if (!compiled->ok()) return absl::InvalidArgumentError(compiled->error());
  Pattern pattern;
  pattern.text_ = text;
  pattern.compiled_ = std::move(compiled);
  return pattern;
}

bool Pattern::Matches(std::string_view text) const {
  return re2::RE2::FullMatch(Piece(text), *compiled_);
}

absl::Status Pattern::CheckReplacement(const std::string& to) const {
  std::string error;
  if (compiled_->CheckRewriteString(Piece(to), &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(error);
}

bool Pattern::Replace(std::string_view text, const std::string& to, std::string* out) const {
  std::array<re2::StringPiece, kMaxGroups> groups;
  const int wanted = std::min(compiled_->NumberOfCapturingGroups() + 1, kMaxGroups);
  if (!compiled_->Match(Piece(text), 0, text.size(), re2::RE2::ANCHOR_BOTH, groups.data(),
                        wanted)) {
    return false;
  }
  return compiled_->Rewrite(out, Piece(to), groups.data(), wanted);
}

struct PatternSet::Compiled {
  re2::RE2::Set set{OptionsWith(kMaxSetMemory), re2::RE2::ANCHOR_BOTH};
};

PatternSet::PatternSet(const std::vector<const Pattern*>& patterns)
    : compiled_(std::make_unique<Compiled>()) {
  for (const Pattern* pattern : patterns) {
    HOLDFAST_CHECK(compiled_->set.Add(Piece(pattern->text()), nullptr) >= 0);
  }
  if (!compiled_->set.Compile()) compiled_ = nullptr;
}

PatternSet::~PatternSet() = default;
PatternSet::PatternSet(PatternSet&&) noexcept = default;
PatternSet& PatternSet::operator=(PatternSet&&) noexcept = default;

bool PatternSet::FindAll(std::string_view text, std::vector<int>* places) const {
  if (compiled_ == nullptr) return false;
  places->clear();
  re2::RE2::Set::ErrorInfo error{};
  if (!compiled_->set.Match(Piece(text), places, &error) && error.kind != re2::RE2::Set::kNoError) {
    return false;
  }
  std::ranges::sort(*places);
  return true;
}

}  // namespace holdfast::policy
