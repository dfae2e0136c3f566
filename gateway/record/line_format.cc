#include "gateway/record/line_format.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "gateway/record/escape.h"
#include "gateway/record/field_writer.h"
#include "pool/net/check.h"

namespace holdfast::record {
namespace {

// "10/Oct/2000:13:55:36 +0000": as strftime has it in the C locale, and always in UTC.
void AppendCombinedTime(pool::WallTime time, std::string* out) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const int length = std::snprintf(text, sizeof(text), "%02d/%s/%04d:%02d:%02d:%02d +0000",
                                   parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900,
                                   parts.tm_hour, parts.tm_min, parts.tm_sec);
  out->append(text, static_cast<size_t>(length));
}

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  text.empty() ? out->push_back('-') : AppendHexText(text, /*bare=*/false, out);
  out->push_back('"');
}

// Blanks end the parts of a line, so that within them they are escaped.
void AppendBare(std::string_view text, std::string* out) {
  text.empty() ? out->push_back('-') : AppendHexText(text, /*bare=*/true, out);
}

void AppendRequestLine(const ExchangeRecord& record, std::string* out) {
  out->push_back('"');
  AppendBare(record.method, out);
  if (!record.method.empty()) {
    out->push_back(' ');
    AppendBare(record.target, out);
    out->push_back(' ');
    AppendBare(record.protocol, out);
  }
  out->push_back('"');
}

// $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer"
// "$http_user_agent", as nginx's log module has it; the combined format of Apache is the same.
void AppendCombined(const ExchangeRecord& record, std::string* out) {
  AppendBare(record.client, out);
  out->append(" - ");
  AppendBare(record.user, out);
  out->append(" [");
  AppendCombinedTime(record.time, out);
  out->append("] ");
  AppendRequestLine(record, out);
  out->push_back(' ');
  // Three digits, as nginx writes what has no status.
  record.status == 0 ? void(out->append("000")) : AppendNumber(record.status, out);
  out->push_back(' ');
  AppendNumber(static_cast<int64_t>(record.body_bytes_out), out);
  out->push_back(' ');
  AppendQuoted(record.referer, out);
  out->push_back(' ');
  AppendQuoted(record.user_agent, out);
  out->push_back('\n');
}

}  // namespace

LineWriter::LineWriter(LineFormat format, const std::vector<std::string>& fields)
    : format_(format) {
  for (const std::string& name : fields) {
    const RecordField* const field = FindRecordField(name);
    HOLDFAST_CHECK(field != nullptr);
    fields_.push_back(field);
  }
  if (!fields.empty()) return;
  for (const RecordField& field : kRecordFields) fields_.push_back(&field);
}

void LineWriter::Append(const ExchangeRecord& record, std::string* out) const {
  if (format_ == LineFormat::kCombined) return AppendCombined(record, out);
  FieldWriter line(
      format_ == LineFormat::kJson ? FieldWriter::Style::kJson : FieldWriter::Style::kLogfmt, out);
  for (const RecordField* field : fields_) field->write(record, field->name, &line);
  line.End();
}

}  // namespace holdfast::record
