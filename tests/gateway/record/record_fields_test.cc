#include "gateway/record/record_fields.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::record {
namespace {

TEST(RecordFieldsTest, EachHasANameOfItsOwnThatStandsBareInEveryFormat) {
  std::set<std::string_view> names;
  for (const RecordField& field : kRecordFields) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    EXPECT_TRUE(std::ranges::all_of(field.name, [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_';
    })) << field.name;
    EXPECT_EQ(FindRecordField(field.name), &field);
  }
  EXPECT_EQ(names.size(), kRecordFieldNames.size());
  EXPECT_EQ(FindRecordField("Status"), nullptr);
  EXPECT_EQ(FindRecordField(""), nullptr);
}

// Each writes under its own name, and a record that has everything has all of them.
TEST(RecordFieldsTest, AFullRecordHasEachOfThem) {
  const std::vector<std::string> names = {"a"};
  const std::string_view x = "x";
  ExchangeRecord record;
  record.listener = record.client = record.method = record.host = record.target = x;
  record.protocol = record.user_agent = record.tls_version = record.tls_cipher = x;
  record.tls_sni = record.tls_alpn = record.client_subject = record.grpc_status = x;
  record.route = record.upstream = record.endpoint = record.connection = record.close = x;
  record.retry = record.reason = record.refusal = record.detail = x;
  record.request_id = record.trace_id = x;
  record.client_san = names;
  record.head = record.connected = record.first_byte = pool::Duration(0);
  for (const RecordField& field : kRecordFields) {
    std::string out;
    FieldWriter line(FieldWriter::Style::kLogfmt, &out);
    field.write(record, field.name, &line);
    EXPECT_TRUE(out.starts_with(std::string(field.name) + "=")) << field.name << ": " << out;
  }
}

}  // namespace
}  // namespace holdfast::record
