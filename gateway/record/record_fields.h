#ifndef HOLDFAST_GATEWAY_RECORD_RECORD_FIELDS_H_
#define HOLDFAST_GATEWAY_RECORD_RECORD_FIELDS_H_

#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>

#include "gateway/record/exchange_record.h"
#include "gateway/record/field_writer.h"

// The fields that a line of the access log may have: one table of their names, in the order of a
// line that has all of them, and of how each is written. The configuration takes its `fields` from
// here. A field is left out where the exchange has nothing to say about it.
//
// Constant; any thread.

namespace holdfast::record {

struct RecordField {
  std::string_view name;
  void (*write)(const ExchangeRecord& record, std::string_view name, FieldWriter* line);
};

template <auto kMember>
void WriteText(const ExchangeRecord& record, std::string_view name, FieldWriter* line) {
  line->Text(name, record.*kMember);
}
template <auto kMember>
void WriteTextIfAny(const ExchangeRecord& record, std::string_view name, FieldWriter* line) {
  line->TextIfAny(name, record.*kMember);
}
template <auto kMember>
void WriteNumber(const ExchangeRecord& record, std::string_view name, FieldWriter* line) {
  line->Number(name, static_cast<int64_t>(record.*kMember));
}
template <auto kMember>
void WriteBool(const ExchangeRecord& record, std::string_view name, FieldWriter* line) {
  line->Bool(name, record.*kMember);
}
template <auto kMember>
void WriteTime(const ExchangeRecord& record, std::string_view name, FieldWriter* line) {
  line->Time(name, record.*kMember);
}
template <auto kMember>
void WriteMicros(const ExchangeRecord& record, std::string_view name, FieldWriter* line) {
  line->Micros(name, record.*kMember);
}
template <auto kMember>
void WriteTextsIfAny(const ExchangeRecord& record, std::string_view name, FieldWriter* line) {
  if (!(record.*kMember).empty()) line->Texts(name, record.*kMember);
}
// By `kWrite` where the exchange has `kGroup`: a client that speaks TLS, a connection upstream.
template <auto kGroup, auto kWrite>
void WriteWith(const ExchangeRecord& record, std::string_view name, FieldWriter* line) {
  if (!(record.*kGroup).empty()) kWrite(record, name, line);
}
template <auto kWrite>
inline constexpr auto kOverTls = &WriteWith<&ExchangeRecord::tls_version, kWrite>;
template <auto kWrite>
inline constexpr auto kConnected = &WriteWith<&ExchangeRecord::connection, kWrite>;

inline constexpr RecordField kRecordFields[] = {
    {"time", &WriteTime<&ExchangeRecord::time>},
    {"listener", &WriteText<&ExchangeRecord::listener>},
    {"client", &WriteText<&ExchangeRecord::client>},
    {"method", &WriteTextIfAny<&ExchangeRecord::method>},
    {"host", &WriteTextIfAny<&ExchangeRecord::host>},
    {"target", &WriteTextIfAny<&ExchangeRecord::target>},
    {"protocol", &WriteTextIfAny<&ExchangeRecord::protocol>},
    {"user_agent", &WriteTextIfAny<&ExchangeRecord::user_agent>},
    {"tls_version", &WriteTextIfAny<&ExchangeRecord::tls_version>},
    {"tls_cipher", kOverTls<&WriteText<&ExchangeRecord::tls_cipher>>},
    {"tls_sni", kOverTls<&WriteTextIfAny<&ExchangeRecord::tls_sni>>},
    {"tls_alpn", kOverTls<&WriteTextIfAny<&ExchangeRecord::tls_alpn>>},
    {"tls_resumed", kOverTls<&WriteBool<&ExchangeRecord::tls_resumed>>},
    {"client_subject", kOverTls<&WriteTextIfAny<&ExchangeRecord::client_subject>>},
    {"client_san", kOverTls<&WriteTextsIfAny<&ExchangeRecord::client_san>>},
    {"status", &WriteNumber<&ExchangeRecord::status>},
    {"grpc_status", &WriteTextIfAny<&ExchangeRecord::grpc_status>},
    {"route", &WriteTextIfAny<&ExchangeRecord::route>},
    {"upstream", &WriteTextIfAny<&ExchangeRecord::upstream>},
    {"endpoint", &WriteTextIfAny<&ExchangeRecord::endpoint>},
    {"reused", kConnected<&WriteBool<&ExchangeRecord::reused>>},
    {"connection", kConnected<&WriteTextIfAny<&ExchangeRecord::connection>>},
    {"close", kConnected<&WriteTextIfAny<&ExchangeRecord::close>>},
    {"retries", &WriteNumber<&ExchangeRecord::retries>},
    {"retry", &WriteTextIfAny<&ExchangeRecord::retry>},
    {"bytes_in", &WriteNumber<&ExchangeRecord::bytes_in>},
    {"bytes_out", &WriteNumber<&ExchangeRecord::bytes_out>},
    {"head_us", &WriteMicros<&ExchangeRecord::head>},
    {"connection_us", &WriteMicros<&ExchangeRecord::connected>},
    {"first_byte_us", &WriteMicros<&ExchangeRecord::first_byte>},
    {"duration_us", &WriteMicros<&ExchangeRecord::duration>},
    {"reason", &WriteText<&ExchangeRecord::reason>},
    {"refusal", &WriteTextIfAny<&ExchangeRecord::refusal>},
    {"detail", &WriteTextIfAny<&ExchangeRecord::detail>},
    {"request_id", &WriteTextIfAny<&ExchangeRecord::request_id>},
    {"trace_id", &WriteTextIfAny<&ExchangeRecord::trace_id>},
};

inline constexpr auto kRecordFieldNames = [] {
  std::array<std::string_view, std::size(kRecordFields)> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kRecordFields[i].name;
  return names;
}();

// Null: there is none of this name.
constexpr const RecordField* FindRecordField(std::string_view name) {
  for (const RecordField& field : kRecordFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

}  // namespace holdfast::record

#endif  // HOLDFAST_GATEWAY_RECORD_RECORD_FIELDS_H_
