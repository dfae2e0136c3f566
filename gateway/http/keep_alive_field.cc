#include "gateway/http/keep_alive_field.h"

#include <algorithm>
#include <charconv>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

std::optional<uint32_t> ParseNumber(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = TrimWhiteSpace(text.substr(1, text.size() - 2));
  }
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename Value>
void TakeLower(std::optional<Value>* lowest, Value value) {
  *lowest = std::min(lowest->value_or(value), value);
}

void TakeParameter(std::string_view parameter, KeepAliveField* field) {
  const size_t equals = parameter.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view name = TrimWhiteSpace(parameter.substr(0, equals));
  const std::optional<uint32_t> number = ParseNumber(TrimWhiteSpace(parameter.substr(equals + 1)));
  if (!number) return;
  if (EqualsIgnoreCase(name, "timeout")) {
    TakeLower(&field->timeout, std::chrono::seconds(*number));
  } else if (EqualsIgnoreCase(name, "max")) {
    TakeLower(&field->max, *number);
  }
}

void TakeParameters(std::string_view value, KeepAliveField* field) {
  while (true) {
    const size_t end = value.find_first_of(",;");
    TakeParameter(value.substr(0, end), field);
    if (end == std::string_view::npos) return;
    value.remove_prefix(end + 1);
  }
}

}  // namespace

KeepAliveField ParseKeepAlive(std::string_view value) {
  KeepAliveField field;
  TakeParameters(value, &field);
  return field;
}

KeepAliveField FindKeepAlive(const HeaderList& headers) {
  KeepAliveField field;
  if (!headers.Has(FieldId::kKeepAlive)) return field;
  for (const HeaderField& header : headers.fields()) {
    if (header.id == FieldId::kKeepAlive) TakeParameters(header.value, &field);
  }
  return field;
}

}  // namespace holdfast::http
