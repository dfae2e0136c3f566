#ifndef HOLDFAST_GATEWAY_CONFIG_DIAGNOSTIC_H_
#define HOLDFAST_GATEWAY_CONFIG_DIAGNOSTIC_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/source_text.h"

namespace holdfast::config {

enum class Severity : uint8_t { kError, kWarning, kNote };

// One complaint about a configuration file.
struct Diagnostic {
  Severity severity = Severity::kError;
  std::string file;
  Position position;    // line 0: about the file as a whole
  std::string message;  // what is wrong, what was expected, what may have been meant
  SourceLine source;
  bool shows_line = true;  // false: a secret stands there
};

// "file:3:5: error: message", the source line and a caret below the column; ends with a newline.
std::string FormatDiagnostic(const Diagnostic& diagnostic);

// Formats all of them, one after the other.
std::string FormatDiagnostics(const std::vector<Diagnostic>& diagnostics);

// Puts a text from a file in quotes for a message. It escapes control bytes and shortens a long
// text.
std::string Quoted(std::string_view text);

// Gathers what is wrong in a text, which must outlive it, and in those that are added to it. What
// is told twice of one place is there once: defaults are looked at with each item that has them. It
// only counts errors and warnings beyond a bound, which is for all of them together.
class Report {
 public:
  static constexpr size_t kMaxErrors = 20;
  static constexpr size_t kMaxWarnings = 20;
  static constexpr size_t kMaxNotes = 200;

  Report(std::string_view text, std::string_view file);
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  // Takes another file; what it returns is its Position::file.
  int AddFile(std::string text, std::string name);
  // What the file with this number holds, and its name; valid as long as the report is.
  std::string_view text(int file) const { return At(file).text; }
  std::string_view name(int file) const { return At(file).name; }

  void Error(Position position, std::string message);
  void Warning(Position position, std::string message);
  // The same, of a line with a secret, which is not shown.
  void ErrorOfSecret(Position position, std::string message);
  void WarningOfSecret(Position position, std::string message);
  // What is worth knowing for who asks, and wrong in no way.
  void Note(Position position, std::string message);
  size_t errors() const { return errors_; }
  bool has_errors() const { return errors_ > 0; }

  // One complaint with its line, without adding it to the others.
  Diagnostic Make(Severity severity, Position position, std::string message) const;

  // "line 3", as it is told at `here`: "line 3 of other.yaml" where that is in another file.
  std::string LineSeenFrom(Position here, Position there) const;

  // The complaints, file by file, in the order of each. If errors were left out, the last complaint
  // says how many.
  std::vector<Diagnostic> Take();
  // The notes, in the same order.
  std::vector<Diagnostic> TakeNotes();

 private:
  struct File {
    std::string_view text;
    std::string_view name;
  };

  const File& At(int file) const;
  // Whether it was told before, of the same place in a file.
  bool IsKnown(Position position, std::string_view message) const;

  std::vector<File> files_;
  std::deque<std::string> owned_;  // the texts and names of those that were added
  std::vector<Diagnostic> diagnostics_;
  std::vector<Diagnostic> notes_;
  size_t errors_ = 0;
  size_t warnings_ = 0;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_DIAGNOSTIC_H_
