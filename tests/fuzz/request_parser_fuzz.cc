// The bytes a client sends: pipelined requests, their bodies not looked at. What is accepted,
// written as the upstream gets it, is accepted again and says the same.

#include "gateway/http/hop_headers.h"
#include "gateway/http/parser.h"
#include "gateway/http/path_form.h"
#include "gateway/http/serializer.h"
#include "tests/fuzz/http_properties.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

using http::Refusal;
using http::RequestHead;

void CheckSameRequest(const RequestHead& before, const RequestHead& after) {
  HOLDFAST_PROPERTY(before.method == after.method);
  HOLDFAST_PROPERTY(before.method_text == after.method_text);
  HOLDFAST_PROPERTY(before.path == after.path);
  HOLDFAST_PROPERTY(before.query == after.query && before.has_query == after.has_query);
  HOLDFAST_PROPERTY(before.body == after.body);
  HOLDFAST_PROPERTY(before.content_length == after.content_length);
  HOLDFAST_PROPERTY(before.connection_upgrade == after.connection_upgrade);
  HOLDFAST_PROPERTY(before.expect_continue == after.expect_continue);
  HOLDFAST_PROPERTY(after.version == http::Version::kHttp11);
  HOLDFAST_PROPERTY(!after.connection_close && !after.connection_keep_alive);
  HOLDFAST_PROPERTY(before.authority.empty() || before.authority == after.authority);
}

void CheckCanonicalForm(RequestHead* head, bool trust, pool::Buffer* buffer) {
  http::ForwardedFacts facts{
      .client_ip = "192.0.2.1", .trust_client = trust, .default_host = "upstream"};
  facts.te_trailers = http::DropHopHeaders(&head->headers).te_trailers;
  http::SerializeRequestHead(*head, facts, buffer);
  const std::string canonical = Drain(buffer);

  RequestHead again;
  const Refusal refusal = http::ParseRequestHead(canonical, kOutputLimits, &again);
  HOLDFAST_PROPERTY(refusal == Refusal::kNone);
  CheckSameRequest(*head, again);
  http::DropHopHeaders(&again.headers);
  CheckSamePlainFields(head->headers, again.headers);
}

// What is forwarded is read as what was matched, and stays what it is.
void CheckPath(std::string_view path) {
  http::PathForm form;
  if (!path.starts_with('/') || form.Read(path) != http::PathDoubt::kNone) return;
  const std::string matched(form.matched());
  http::PathForm again;
  HOLDFAST_PROPERTY(again.Read(form.resolved()) == http::PathDoubt::kNone);
  HOLDFAST_PROPERTY(again.resolved() == form.resolved() && again.matched() == matched);
  HOLDFAST_PROPERTY(!again.must_be_resolved());
  HOLDFAST_PROPERTY(http::MatchedForm(path) == matched);
  HOLDFAST_PROPERTY(http::SpelledBytes(form.resolved(), matched.size()) == form.resolved().size());
  using ParameterEnd = http::PathForm::ParameterEnd;
  for (const ParameterEnd end : {ParameterEnd::kSlash, ParameterEnd::kAnySeparator}) {
    if (form.ReadLiberally(0, end) != http::PathDoubt::kNone) return;
    HOLDFAST_PROPERTY(form.liberal().starts_with('/'));
    HOLDFAST_PROPERTY(form.liberal().find("//") == std::string_view::npos);
    HOLDFAST_PROPERTY(form.liberal().find("/../") == std::string_view::npos);
  }
}

void CheckHead(std::string_view bytes, bool scanned, pool::Buffer* buffer) {
  const std::string exact(bytes);  // a read past its end is found
  RequestHead head;
  const Refusal refusal = http::ParseRequestHead(exact, kInputLimits, &head);
  HOLDFAST_PROPERTY(!scanned || refusal != Refusal::kIncompleteHead);
  CheckRejection(refusal);
  if (refusal != Refusal::kNone) return;
  CheckFields(head.headers, exact);
  CheckPath(head.path);
  if (head.method == http::Method::kConnect || head.expect_unknown) return;  // never forwarded
  CheckCanonicalForm(&head, exact.size() % 2 == 0, buffer);
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  pool::SlabPool slabs;
  pool::Buffer buffer(&slabs);
  std::string_view bytes = fuzz::AsText(data, size);
  fuzz::CheckHead(bytes, false, &buffer);
  for (int requests = 0; requests < 8 && !bytes.empty(); ++requests) {
    const http::EmptyLineSkipper::Result skipped = fuzz::SkipEveryWay(bytes);
    if (skipped.refusal != http::Refusal::kNone) break;
    bytes.remove_prefix(skipped.bytes);
    const http::HeadScanner::Result result = fuzz::ScanEveryWay(bytes);
    if (result.status != http::HeadScanner::Status::kComplete) break;
    fuzz::CheckHead(bytes.substr(0, result.head_bytes), true, &buffer);
    bytes.remove_prefix(result.head_bytes);
  }
  return 0;
}
