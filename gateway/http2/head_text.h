#ifndef HOLDFAST_GATEWAY_HTTP2_HEAD_TEXT_H_
#define HOLDFAST_GATEWAY_HTTP2_HEAD_TEXT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/http2/limits.h"
#include "gateway/http2/text_builder.h"

namespace holdfast::http2 {

// A field as it came.
struct ReceivedField {
  std::string_view name;
  std::string_view value;
  bool never_indexed = false;  // RFC 7541 section 6.2.3
};

// A section of fields that arrives over HTTP/2, written down as HTTP/1 would have it. So there is
// one strict reader of heads, http/parser, whatever the protocol; and what could mean something
// else in HTTP/1 (a line end in a value, a blank in a path, a Transfer-Encoding) is refused before
// there is a line (RFC 9113 sections 8.2, 8.3 and 10.3). An extended CONNECT becomes the GET with
// an Upgrade field that means the same.
//
// Fields are added as they come, pseudo-fields first. Once a rule is broken or a limit passed,
// nothing more is kept. Used again and again; keeps a little memory. One thread.
class HeadText {
 public:
  void Begin(const Limits& limits);
  void AddField(const ReceivedField& field);

  // All fields are there; `ends`: no body follows. The first rule broken, what http/parser says
  // included, or kNone: then the views of `head` point into this text until Begin or Clear.
  http::Refusal FinishRequest(bool ends, http::RequestHead* head);
  http::Refusal FinishResponse(bool ends, http::Method request_method, http::ResponseHead* head);
  http::Refusal FinishTrailers(http::HeaderList* trailers);

  // Bytes of the fields, as they count against the limit.
  size_t charged() const { return charged_; }
  // Keeps no more than a little memory.
  void Clear();

 private:
  static constexpr size_t kKeptBytes = 4 * 1024;
  enum Pseudo : uint8_t { kMethod, kScheme, kAuthority, kPath, kStatus, kProtocol, kPseudos };

  // As if nothing had begun.
  void Reset();
  http::Refusal Charge(std::string_view name, std::string_view value);
  http::Refusal AddPseudo(std::string_view name, std::string_view value);
  http::Refusal AddRegular(std::string_view name, std::string_view value);
  // What Host says is what :authority has said.
  bool RepeatsAuthority(std::string_view host) const;
  http::Refusal AddCrumb(std::string_view value);
  void AppendLine(std::string_view name, std::string_view value) {
    lines_.Append(name, ": ", value, "\r\n");
  }
  static Pseudo Named(std::string_view name);
  bool HasOnly(std::initializer_list<Pseudo> needed, std::initializer_list<Pseudo> allowed) const;
  bool Has(Pseudo field) const { return (has_ & 1u << field) != 0; }
  // An extended CONNECT (RFC 8441 section 4), which HTTP/1 writes as a GET that asks for an
  // upgrade.
  bool AsksForTunnel() const { return Has(kProtocol); }
  // Makes the start line out of the pseudo-fields.
  http::Refusal RequestLine();
  // Whoever sends these fields on may not have them in a table either (RFC 7541 section 6.2.3).
  void MarkNeverIndexed(http::HeaderList* fields) const;
  void EndLines(bool ends);

  // The value of a pseudo-field; empty if there is none.
  std::string_view Value(Pseudo field) const {
    return pseudo_text_.text().substr(pseudo_[field].at, pseudo_[field].size);
  }

  // Of a value in pseudo_text_.
  struct Place {
    uint32_t at = 0;
    uint32_t size = 0;
  };

  Limits limits_;
  http::Refusal refusal_ = http::Refusal::kNone;
  TextBuilder lines_;  // of the regular fields
  TextBuilder text_;   // the whole
  TextBuilder cookie_;
  TextBuilder pseudo_text_;  // values of pseudo-fields
  std::array<Place, kPseudos> pseudo_;
  std::vector<std::string> never_indexed_;  // names of regular fields
  uint8_t has_ = 0;                         // a bit for each pseudo-field
  bool begun_ = false;
  bool regular_begun_ = false;
  bool has_host_ = false;
  bool has_length_ = false;
  size_t charged_ = 0;
  uint32_t fields_ = 0;
  uint32_t crumbs_ = 0;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_HEAD_TEXT_H_
