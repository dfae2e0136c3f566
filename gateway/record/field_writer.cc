#include "gateway/record/field_writer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>

#include "gateway/record/escape.h"

namespace holdfast::record {
namespace {

void AppendTime(pool::WallTime time, std::string* out) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const time_t seconds = milliseconds / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  out->append(text, length);
  const int rest = static_cast<int>(milliseconds % 1000);
  out->push_back('.');
  out->push_back(static_cast<char>('0' + rest / 100));
  out->push_back(static_cast<char>('0' + rest / 10 % 10));
  out->push_back(static_cast<char>('0' + rest % 10));
  out->push_back('Z');
}

// Whether a value of logfmt needs no quotes.
bool StandsBare(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

void AppendJsonList(std::span<const std::string> values, std::string* out) {
  out->push_back('[');
  for (const std::string& value : values) {
    if (&value != &values.front()) out->push_back(',');
    out->push_back('"');
    AppendJsonText(value, out);
    out->push_back('"');
  }
  out->push_back(']');
}

}  // namespace

void AppendNumber(int64_t value, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, end);
}

FieldWriter::FieldWriter(Style style, std::string* out) : style_(style), out_(out) {
  if (json()) out_->push_back('{');
}

void FieldWriter::Name(std::string_view name) {
  if (!first_) out_->push_back(json() ? ',' : ' ');
  first_ = false;
  if (json()) out_->push_back('"');
  out_->append(name);
  out_->append(json() ? "\":" : "=");
}

void FieldWriter::Text(std::string_view name, std::string_view value) {
  Name(name);
  if (!json() && StandsBare(value)) {
    out_->append(value);
    return;
  }
  out_->push_back('"');
  json() ? AppendJsonText(value, out_) : AppendQuotedText(value, out_);
  out_->push_back('"');
}

void FieldWriter::Texts(std::string_view name, std::span<const std::string> values) {
  if (!json()) {
    std::string list;
    AppendJsonList(values, &list);
    return Text(name, list);
  }
  Name(name);
  AppendJsonList(values, out_);
}

void FieldWriter::Number(std::string_view name, int64_t value) {
  Name(name);
  AppendNumber(value, out_);
}

void FieldWriter::Bool(std::string_view name, bool value) {
  Name(name);
  out_->append(value ? "true" : "false");
}

void FieldWriter::Time(std::string_view name, pool::WallTime value) {
  Name(name);
  if (json()) out_->push_back('"');
  AppendTime(value, out_);
  if (json()) out_->push_back('"');
}

}  // namespace holdfast::record
