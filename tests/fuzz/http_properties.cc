#include "tests/fuzz/http_properties.h"

#include <algorithm>

#include "gateway/http/syntax.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

using http::HeaderField;
using http::HeadScanner;

HeadScanner::Result ScanWithSteps(std::string_view bytes, size_t step) {
  HeadScanner scanner;
  for (size_t arrived = step; arrived < bytes.size(); arrived += step) {
    const HeadScanner::Result result = scanner.Scan(bytes.substr(0, arrived), kInputLimits);
    if (result.status != HeadScanner::Status::kIncomplete) return result;
  }
  return scanner.Scan(bytes, kInputLimits);
}

bool Same(const HeadScanner::Result& a, const HeadScanner::Result& b) {
  return a.status == b.status && a.head_bytes == b.head_bytes && a.refusal == b.refusal;
}

const HeaderField* NextPlain(std::span<const HeaderField> fields, size_t* at) {
  while (*at < fields.size()) {
    const HeaderField& field = fields[(*at)++];
    if (field.id == http::FieldId::kOther && !field.dropped) return &field;
  }
  return nullptr;
}

}  // namespace

HeadScanner::Result ScanEveryWay(std::string_view bytes) {
  const HeadScanner::Result whole = ScanWithSteps(bytes, bytes.size() + 1);
  HOLDFAST_PROPERTY(Same(whole, ScanWithSteps(bytes, 1)));
  HOLDFAST_PROPERTY(Same(whole, ScanWithSteps(bytes, bytes.size() / 2 + 1)));
  HOLDFAST_PROPERTY(whole.head_bytes <= bytes.size());
  return whole;
}

http::EmptyLineSkipper::Result SkipEveryWay(std::string_view bytes) {
  http::EmptyLineSkipper at_once;
  const http::EmptyLineSkipper::Result whole = at_once.Skip(bytes);
  http::EmptyLineSkipper bytewise;
  http::EmptyLineSkipper::Result sum;
  for (size_t n = 0; n < bytes.size(); ++n) {
    const http::EmptyLineSkipper::Result one = bytewise.Skip(bytes.substr(n, 1));
    sum.bytes += one.bytes;
    sum.refusal = one.refusal;
    if (one.bytes == 0 || one.refusal != http::Refusal::kNone) break;
  }
  HOLDFAST_PROPERTY(whole.bytes == sum.bytes && whole.refusal == sum.refusal);
  HOLDFAST_PROPERTY(whole.bytes <= bytes.size());
  return whole;
}

void CheckRejection(http::Refusal refusal) {
  HOLDFAST_PROPERTY(refusal != http::Refusal::kRejectedByParser);
}

void CheckFields(const http::HeaderList& headers, std::string_view bytes) {
  const char* at = bytes.data();
  for (const HeaderField& field : headers.fields()) {
    HOLDFAST_PROPERTY(field.name.data() >= at);
    HOLDFAST_PROPERTY(field.value.data() > field.name.data());
    at = field.value.data() + field.value.size();
    HOLDFAST_PROPERTY(at <= bytes.data() + bytes.size());
    HOLDFAST_PROPERTY(http::IsToken(field.name));
    HOLDFAST_PROPERTY(std::all_of(field.value.begin(), field.value.end(), http::IsValueByte));
    HOLDFAST_PROPERTY(http::TrimWhiteSpace(field.value) == field.value);
    HOLDFAST_PROPERTY(http::IdentifyField(field.name) == field.id);
  }
}

void CheckSamePlainFields(const http::HeaderList& before, const http::HeaderList& after) {
  size_t i = 0;
  size_t j = 0;
  while (const HeaderField* a = NextPlain(before.fields(), &i)) {
    const HeaderField* b = NextPlain(after.fields(), &j);
    HOLDFAST_PROPERTY(b != nullptr && a->name == b->name && a->value == b->value);
  }
  HOLDFAST_PROPERTY(NextPlain(after.fields(), &j) == nullptr);
}

}  // namespace holdfast::fuzz
