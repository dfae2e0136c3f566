#ifndef HOLDFAST_GATEWAY_CONFIG_DIAGNOSTIC_H_
#define HOLDFAST_GATEWAY_CONFIG_DIAGNOSTIC_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/source_text.h"

namespace holdfast::config {

enum class Severity : uint8_t { kError, kWarning };

// One complaint about a configuration file.
struct Diagnostic {
  Severity severity = Severity::kError;
  std::string file;
  Position position;    // line 0: about the file as a whole
  std::string message;  // what is wrong, what was expected, what may have been meant
  SourceLine source;
};

// "file:3:5: error: message", the source line and a caret below the column; ends with a newline.
std::string FormatDiagnostic(const Diagnostic& diagnostic);

// Formats all of them, one after the other.
std::string FormatDiagnostics(const std::vector<Diagnostic>& diagnostics);

// Puts a text from a file in quotes for a message. It escapes control bytes and shortens a long
// text.
std::string Quoted(std::string_view text);

// Gathers what is wrong in one text, which must outlive it. It only counts errors and warnings
// beyond a bound.
class Report {
 public:
  static constexpr size_t kMaxErrors = 20;
  static constexpr size_t kMaxWarnings = 20;

  Report(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  void Error(Position position, std::string message);
  void Warning(Position position, std::string message);
  bool has_errors() const { return errors_ > 0; }

  // The complaints in the file's order. If errors were left out, the last complaint says how many.
  std::vector<Diagnostic> Take();

 private:
  void Add(Severity severity, Position position, std::string message);

  std::string_view text_;
  std::string_view file_;
  std::vector<Diagnostic> diagnostics_;
  size_t errors_ = 0;
  size_t warnings_ = 0;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_DIAGNOSTIC_H_
