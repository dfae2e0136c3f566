#include "gateway/config/diagnostic.h"

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::config {
namespace {

constexpr size_t kMaxQuoted = 60;

std::string_view NameOf(Severity severity) {
  switch (severity) {
    case Severity::kError: return "error";
    case Severity::kWarning: return "warning";
    case Severity::kNote: return "note";
  }
  HOLDFAST_CHECK(false);
}

// White space as wide as the characters before the caret; a tab stays one, so that both lines are
// expanded alike.
std::string CaretLine(const SourceLine& source) {
  std::string line;
  std::string_view rest = source.text;
  for (int i = 0; i < source.caret; ++i) {
    line += rest.starts_with('\t') ? '\t' : ' ';
    if (!rest.empty()) rest.remove_prefix(std::max<size_t>(1, Utf8Length(rest)));
  }
  return line + "^";
}

void AppendEscaped(std::string_view character, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  if (character == "\n") {
    *out += "\\n";
  } else if (IsPrintable(character)) {
    *out += character;
  } else {
    for (const char c : character) {
      const auto byte = static_cast<unsigned char>(c);
      *out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
}

}  // namespace

std::string FormatDiagnostic(const Diagnostic& diagnostic) {
  std::string out = diagnostic.file;
  if (diagnostic.position.line > 0) {
    out += ":" + std::to_string(diagnostic.position.line) + ":" +
           std::to_string(diagnostic.position.column);
  }
  out += ": " + std::string(NameOf(diagnostic.severity)) + ": " + diagnostic.message + "\n";
  if (diagnostic.position.line > 0 && diagnostic.shows_line) {
    out += "  " + diagnostic.source.text + "\n  " + CaretLine(diagnostic.source) + "\n";
  }
  return out;
}

std::string FormatDiagnostics(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += FormatDiagnostic(diagnostic);
  return out;
}

std::string Quoted(std::string_view text) {
  std::string out = "'";
  size_t used = 0;
  while (used < text.size() && used < kMaxQuoted) {
    const size_t length = std::max<size_t>(1, Utf8Length(text.substr(used)));
    AppendEscaped(text.substr(used, length), &out);
    used += length;
  }
  return out + (used < text.size() ? "...'" : "'");
}

Report::Report(std::string_view text, std::string_view file) : files_{{text, file}} {}

int Report::AddFile(std::string text, std::string name) {
  const std::string& kept_text = owned_.emplace_back(std::move(text));
  const std::string& kept_name = owned_.emplace_back(std::move(name));
  files_.push_back({kept_text, kept_name});
  return static_cast<int>(files_.size()) - 1;
}

const Report::File& Report::At(int file) const {
  const auto index = static_cast<size_t>(file);
  HOLDFAST_CHECK(index < files_.size());
  return files_[index];
}

bool Report::IsKnown(Position position, std::string_view message) const {
  return position.line > 0 && std::ranges::any_of(diagnostics_, [&](const Diagnostic& diagnostic) {
           return diagnostic.position == position && diagnostic.message == message;
         });
}

void Report::Error(Position position, std::string message) {
  if (IsKnown(position, message)) return;
  if (++errors_ <= kMaxErrors) {
    diagnostics_.push_back(Make(Severity::kError, position, std::move(message)));
  }
}

void Report::ErrorOfSecret(Position position, std::string message) {
  const size_t before = diagnostics_.size();
  Error(position, std::move(message));
  if (diagnostics_.size() > before) diagnostics_.back().shows_line = false;
}

void Report::Note(Position position, std::string message) {
  if (notes_.size() < kMaxNotes) {
    notes_.push_back(Make(Severity::kNote, position, std::move(message)));
  }
}

void Report::Warning(Position position, std::string message) {
  if (IsKnown(position, message)) return;
  if (++warnings_ <= kMaxWarnings) {
    diagnostics_.push_back(Make(Severity::kWarning, position, std::move(message)));
  }
}

void Report::WarningOfSecret(Position position, std::string message) {
  const size_t before = diagnostics_.size();
  Warning(position, std::move(message));
  if (diagnostics_.size() > before) diagnostics_.back().shows_line = false;
}

Diagnostic Report::Make(Severity severity, Position position, std::string message) const {
  return {severity,           std::string(name(position.file)),           position,
          std::move(message), ExtractLine(text(position.file), position), true};
}

std::string Report::LineSeenFrom(Position here, Position there) const {
  std::string place = "line " + std::to_string(there.line);
  if (there.file != here.file) place += " of " + std::string(name(there.file));
  return place;
}

std::vector<Diagnostic> Report::Take() {
  std::ranges::stable_sort(diagnostics_, {}, &Diagnostic::position);
  if (errors_ > kMaxErrors) {
    diagnostics_.push_back(
        Make(Severity::kError, {}, "errors not shown: " + std::to_string(errors_ - kMaxErrors)));
  }
  return std::exchange(diagnostics_, {});
}

std::vector<Diagnostic> Report::TakeNotes() {
  std::ranges::stable_sort(notes_, {}, &Diagnostic::position);
  return std::exchange(notes_, {});
}

}  // namespace holdfast::config
