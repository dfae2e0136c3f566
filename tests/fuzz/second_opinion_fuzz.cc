// Heads that our own checks have passed and found ordinary are not shown to llhttp. Here they are:
// whatever it would have said of them has to be what was said without it.

#include <string>

#include "gateway/http/parser.h"
#include "tests/fuzz/http_properties.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

using http::Refusal;
using http::SecondOpinion;

bool Same(std::string_view a, std::string_view b) {
  return a.data() == b.data() && a.size() == b.size();
}

void CheckSameFields(const http::HeaderList& a, const http::HeaderList& b) {
  HOLDFAST_PROPERTY(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const http::HeaderField& one = a.fields()[i];
    const http::HeaderField& other = b.fields()[i];
    HOLDFAST_PROPERTY(Same(one.name, other.name));
    // Where an empty value stands is nobody's business.
    HOLDFAST_PROPERTY(Same(one.value, other.value) || (one.value.empty() && other.value.empty()));
    HOLDFAST_PROPERTY(one.id == other.id && one.dropped == other.dropped);
    HOLDFAST_PROPERTY(a.Has(one.id) && b.Has(one.id));
  }
}

void CheckRequest(std::string_view bytes) {
  http::RequestHead a;
  http::RequestHead b;
  const Refusal refusal =
      http::ParseRequestHead(bytes, kInputLimits, &a, SecondOpinion::kWhenUnusual);
  HOLDFAST_PROPERTY(refusal ==
                    http::ParseRequestHead(bytes, kInputLimits, &b, SecondOpinion::kAlways));
  if (refusal != Refusal::kNone) return;
  HOLDFAST_PROPERTY(a.method == b.method && a.version == b.version && a.form == b.form);
  HOLDFAST_PROPERTY(a.body == b.body && a.content_length == b.content_length);
  HOLDFAST_PROPERTY(a.connection_close == b.connection_close);
  HOLDFAST_PROPERTY(a.connection_keep_alive == b.connection_keep_alive);
  HOLDFAST_PROPERTY(a.connection_upgrade == b.connection_upgrade);
  HOLDFAST_PROPERTY(a.offers_upgrade == b.offers_upgrade);
  HOLDFAST_PROPERTY(a.expect_continue == b.expect_continue);
  HOLDFAST_PROPERTY(a.expect_unknown == b.expect_unknown);
  HOLDFAST_PROPERTY(Same(a.method_text, b.method_text) && Same(a.target, b.target));
  HOLDFAST_PROPERTY(a.path == b.path && a.query == b.query && a.has_query == b.has_query);
  HOLDFAST_PROPERTY(Same(a.host, b.host) && Same(a.authority, b.authority));
  CheckSameFields(a.headers, b.headers);
}

void CheckResponse(std::string_view bytes, http::Method method) {
  http::ResponseHead a;
  http::ResponseHead b;
  const Refusal refusal =
      http::ParseResponseHead(bytes, kInputLimits, method, &a, SecondOpinion::kWhenUnusual);
  HOLDFAST_PROPERTY(
      refusal == http::ParseResponseHead(bytes, kInputLimits, method, &b, SecondOpinion::kAlways));
  if (refusal != Refusal::kNone) return;
  HOLDFAST_PROPERTY(a.status == b.status && a.version == b.version && a.body == b.body);
  HOLDFAST_PROPERTY(a.connection_close == b.connection_close);
  HOLDFAST_PROPERTY(a.connection_keep_alive == b.connection_keep_alive);
  HOLDFAST_PROPERTY(a.connection_upgrade == b.connection_upgrade);
  HOLDFAST_PROPERTY(a.has_content_length == b.has_content_length);
  HOLDFAST_PROPERTY(a.content_length == b.content_length && Same(a.reason, b.reason));
  CheckSameFields(a.headers, b.headers);
}

// An allocation of its own, so that a read past its end is found.
std::string Whole(std::string_view start, std::string_view bytes) {
  std::string head(start);
  head += bytes;
  if (!head.ends_with("\r\n\r\n")) head += head.ends_with("\r\n") ? "\r\n" : "\r\n\r\n";
  head.shrink_to_fit();
  return head;
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  const std::string_view bytes = fuzz::AsText(data, size);
  const http::Method method = size % 2 == 0 ? http::Method::kGet : http::Method::kHead;
  if (bytes.starts_with("HTTP/")) {
    fuzz::CheckResponse(fuzz::Whole("", bytes), method);
  } else {
    fuzz::CheckRequest(fuzz::Whole("", bytes));
  }
  // As field lines behind a start line.
  fuzz::CheckRequest(fuzz::Whole("GET / HTTP/1.1\r\nHost: a\r\n", bytes));
  fuzz::CheckResponse(fuzz::Whole("HTTP/1.1 200 OK\r\n", bytes), method);
  return 0;
}
