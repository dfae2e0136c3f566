// The bytes an upstream sends: interim responses and a final one, as an answer to GET and to HEAD.
// What is accepted, written as the client gets it, is accepted again and says the same.

#include "gateway/http/hop_headers.h"
#include "gateway/http/parser.h"
#include "gateway/http/serializer.h"
#include "tests/fuzz/http_properties.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

using http::BodyKind;
using http::Method;
using http::Refusal;
using http::ResponseHead;

void CheckSameResponse(const ResponseHead& before, const ResponseHead& after) {
  HOLDFAST_PROPERTY(before.status == after.status);
  HOLDFAST_PROPERTY(before.reason == after.reason);
  HOLDFAST_PROPERTY(before.body == after.body);
  HOLDFAST_PROPERTY(before.has_content_length == after.has_content_length);
  HOLDFAST_PROPERTY(before.content_length == after.content_length);
  HOLDFAST_PROPERTY(before.connection_upgrade == after.connection_upgrade);
  HOLDFAST_PROPERTY(after.version == http::Version::kHttp11);
  HOLDFAST_PROPERTY(after.connection_close == (before.body == BodyKind::kUntilClose));
}

void CheckCanonicalForm(ResponseHead* head, Method method, pool::Buffer* buffer) {
  http::DropHopHeaders(&head->headers);
  const http::ResponseFraming framing{.body = head->body,
                                      .content_length = head->content_length,
                                      .send_length = head->has_content_length,
                                      .upgrade = head->connection_upgrade,
                                      .date = "Sun, 06 Nov 1994 08:49:37 GMT"};
  http::SerializeResponseHead(*head, framing, "holdfast", buffer);
  const std::string canonical = Drain(buffer);

  ResponseHead again;
  const Refusal refusal = http::ParseResponseHead(canonical, kOutputLimits, method, &again);
  HOLDFAST_PROPERTY(refusal == Refusal::kNone);
  HOLDFAST_PROPERTY(again.headers.Find(http::FieldId::kDate) != nullptr);
  CheckSameResponse(*head, again);
  http::DropHopHeaders(&again.headers);
  CheckSamePlainFields(head->headers, again.headers);
}

void CheckHead(std::string_view bytes, Method method, bool scanned, pool::Buffer* buffer) {
  const std::string exact(bytes);
  ResponseHead head;
  const Refusal refusal = http::ParseResponseHead(exact, kInputLimits, method, &head);
  HOLDFAST_PROPERTY(!scanned || refusal != Refusal::kIncompleteHead);
  CheckRejection(refusal);
  if (refusal != Refusal::kNone) return;
  CheckFields(head.headers, exact);
  HOLDFAST_PROPERTY(head.status >= 100 && head.status <= 999);
  HOLDFAST_PROPERTY(method != Method::kHead || head.body == BodyKind::kNone);
  CheckCanonicalForm(&head, method, buffer);
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  pool::SlabPool slabs;
  pool::Buffer buffer(&slabs);
  std::string_view bytes = fuzz::AsText(data, size);
  fuzz::CheckHead(bytes, http::Method::kGet, false, &buffer);
  for (int responses = 0; responses < 8 && !bytes.empty(); ++responses) {
    const http::HeadScanner::Result result = fuzz::ScanEveryWay(bytes);
    if (result.status != http::HeadScanner::Status::kComplete) break;
    fuzz::CheckHead(bytes.substr(0, result.head_bytes), http::Method::kGet, true, &buffer);
    fuzz::CheckHead(bytes.substr(0, result.head_bytes), http::Method::kHead, true, &buffer);
    bytes.remove_prefix(result.head_bytes);
  }
  return 0;
}
