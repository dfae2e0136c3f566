#ifndef HOLDFAST_GATEWAY_RECORD_FIELD_WRITER_H_
#define HOLDFAST_GATEWAY_RECORD_FIELD_WRITER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "pool/net/clock.h"

namespace holdfast::record {

void AppendNumber(int64_t value, std::string* out);

// Writes the fields of one line, each with its name and with what has to stand between it and the
// field before. Names are ours and stand as they are; values are escaped. Between construction and
// End; `out` outlives it.
class FieldWriter {
 public:
  enum class Style : uint8_t {
    kJson,    // {"name":"value","name":7}
    kLogfmt,  // name=value name="a value" name=7
  };

  FieldWriter(Style style, std::string* out);

  void Text(std::string_view name, std::string_view value);
  // Left out while empty.
  void TextIfAny(std::string_view name, std::string_view value) {
    if (!value.empty()) Text(name, value);
  }
  // A list; in logfmt, which has none, the text of JSON's.
  void Texts(std::string_view name, std::span<const std::string> values);
  void Number(std::string_view name, int64_t value);
  void Bool(std::string_view name, bool value);
  // RFC 3339, in UTC, with milliseconds.
  void Time(std::string_view name, pool::WallTime value);
  // Microseconds; left out when never reached.
  void Micros(std::string_view name, pool::Duration value) {
    if (value.count() >= 0) Number(name, value.count() / 1000);
  }
  void End() { out_->append(json() ? "}\n" : "\n"); }

 private:
  bool json() const { return style_ == Style::kJson; }
  void Name(std::string_view name);

  const Style style_;
  std::string* out_;
  bool first_ = true;
};

}  // namespace holdfast::record

#endif  // HOLDFAST_GATEWAY_RECORD_FIELD_WRITER_H_
