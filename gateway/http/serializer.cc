#include "gateway/http/serializer.h"

#include <charconv>
#include <cstring>
#include <optional>

#include "pool/net/check.h"

namespace holdfast::http {
namespace {

// Everything a head can need beside what is measured: field names of ours, digits, line ends.
constexpr size_t kFixedBytes = 512;
constexpr size_t kMaxDigits = 20;

// For pieces that are short and of any length: no call, and no byte outside of either side.
inline char* CopyShort(char* to, const char* from, size_t n) {
  if (n >= 8) {
    for (size_t i = 0; i + 8 < n; i += 8) std::memcpy(to + i, from + i, 8);
    std::memcpy(to + n - 8, from + n - 8, 8);
  } else if (n >= 4) {
    std::memcpy(to, from, 4);
    std::memcpy(to + n - 4, from + n - 4, 4);
  } else {
    for (size_t i = 0; i < n; ++i) to[i] = from[i];
  }
  return to + n;
}
constexpr size_t kShortBytes = 32;

// Appends to one piece of room that was reserved for the whole head, so that writing is copying.
class HeadWriter {
 public:
  HeadWriter(size_t bound, pool::Buffer* out)
      : out_(out), room_(out->PrepareWrite(bound)), at_(room_.data()) {}

  void Put(std::string_view text) {
    if (text.size() <= kShortBytes) {
      at_ = CopyShort(at_, text.data(), text.size());
    } else {
      std::memcpy(at_, text.data(), text.size());
      at_ += text.size();
    }
  }
  // Of a literal, whose length the compiler knows.
  template <size_t kSize>
  void Put(const char (&literal)[kSize]) {
    std::memcpy(at_, literal, kSize - 1);
    at_ += kSize - 1;
  }
  void PutNumber(uint64_t number) { at_ = std::to_chars(at_, at_ + kMaxDigits, number).ptr; }
  void PutStatus(unsigned status) {
    *at_++ = static_cast<char>('0' + status / 100);
    *at_++ = static_cast<char>('0' + status / 10 % 10);
    *at_++ = static_cast<char>('0' + status % 10);
  }
  // `name` with its colon and space.
  template <size_t kSize>
  void PutOurs(const char (&name)[kSize], std::string_view value) {
    Put(name);
    Put(value);
    Put("\r\n");
  }
  void PutField(std::string_view name, std::string_view value) {
    Put(name);
    Put(": ");
    Put(value);
    Put("\r\n");
  }
  void PutElement(const ForwardedElement& element) { at_ = WriteForwardedElement(element, at_); }
  void PutContentLength(uint64_t length) {
    Put("Content-Length: ");
    PutNumber(length);
    Put("\r\n");
  }
  void PutMaxForwards(uint32_t hops) {
    Put("Max-Forwards: ");
    PutNumber(hops);
    Put("\r\n");
  }
  void PutVia(Version received, std::string_view name) {
    if (name.empty()) return;
    switch (received) {
      case Version::kHttp10: Put("Via: 1.0 "); break;
      case Version::kHttp11: Put("Via: 1.1 "); break;
      case Version::kHttp2: Put("Via: 2.0 "); break;
    }
    Put(name);
    Put("\r\n");
  }
  void Finish() {
    Put("\r\n");
    const auto used = static_cast<size_t>(at_ - room_.data());
    HOLDFAST_CHECK(used <= room_.size());
    out_->CommitWrite(used);
  }

 private:
  pool::Buffer* out_;
  std::span<char> room_;
  char* at_;
};

// Copies fields as they came. Those that lie one behind the other in the received head, written as
// we write them, are copied together.
class FieldCopier {
 public:
  explicit FieldCopier(HeadWriter* writer) : writer_(writer) {}

  void Copy(const HeaderField& field) {
    if (!WrittenAsOurs(field)) {
      Finish();
      writer_->PutField(field.name, field.value);
      return;
    }
    if (!Follows(field)) {
      Finish();
      begin_ = field.name.data();
    }
    end_ = field.value.data() + field.value.size();
  }
  // Before anything else is written.
  void Finish() {
    if (begin_ == nullptr) return;
    writer_->Put(std::string_view(begin_, static_cast<size_t>(end_ - begin_)));
    writer_->Put("\r\n");
    begin_ = nullptr;
  }

 private:
  static bool WrittenAsOurs(const HeaderField& field) {
    const char* const name_end = field.name.data() + field.name.size();
    return field.value.data() == name_end + 2 && name_end[0] == ':' && name_end[1] == ' ';
  }
  bool Follows(const HeaderField& field) const {
    return begin_ != nullptr && field.name.data() == end_ + 2 && end_[0] == '\r' && end_[1] == '\n';
  }

  HeadWriter* writer_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

size_t FieldBytes(const HeaderList& headers) {
  size_t bytes = 0;
  for (const HeaderField& field : headers.fields()) {
    bytes += field.name.size() + field.value.size() + 4;
  }
  return bytes;
}

constexpr FieldIds kFraming = {FieldId::kConnection, FieldId::kContentLength,
                               FieldId::kTransferEncoding, FieldId::kUpgrade};

// The Upgrade fields are hop-by-hop and so dropped; an upgrade that goes on needs them again.
void PutUpgradeFields(const HeaderList& headers, HeadWriter* writer) {
  for (const HeaderField& field : headers.fields()) {
    if (field.id == FieldId::kUpgrade) writer->PutField(field.name, field.value);
  }
}

// Which of the fields that tell about earlier hops have been copied.
struct CopiedForwarded {
  bool proto = false;
  bool host = false;
  bool port = false;
};

// A list of hops that is not written: what a trusted client says in one that is not believed may be
// anybody's.
bool CopiesList(FieldId list, ForwardedField field, const ForwardedFacts& facts) {
  return facts.trust_client && facts.believed == list && !facts.written.Has(field);
}

// Whether a request's field goes on as it came.
bool CopiesRequestField(const HeaderField& field, const RequestHead& head,
                        const ForwardedFacts& facts, CopiedForwarded* copied) {
  switch (field.id) {
    case FieldId::kOther: return true;
    case FieldId::kHost:
    case FieldId::kLookalike: return false;
    case FieldId::kXForwardedFor: return CopiesList(field.id, ForwardedField::kFor, facts);
    case FieldId::kExpect: return head.expect_continue;
    case FieldId::kXForwardedProto: copied->proto |= facts.trust_client; return facts.trust_client;
    case FieldId::kXForwardedHost: copied->host |= facts.trust_client; return facts.trust_client;
    case FieldId::kXForwardedPort: copied->port |= facts.trust_client; return facts.trust_client;
    case FieldId::kForwarded: return CopiesList(field.id, ForwardedField::kForwarded, facts);
    case FieldId::kXForwardedOther: return facts.trust_client;
    case FieldId::kTrailer: return head.body == BodyKind::kChunked;
    default: return !kFraming.Has(field.id);
  }
}

// One list of those that have passed the request on.
class HopList {
 public:
  HopList(std::string_view name, HeadWriter* writer) : name_(name), writer_(writer) {}

  // What the client's own fields have of it.
  void Keep(const RequestHead& head, FieldId id) {
    if (!head.headers.Has(id)) return;
    for (const HeaderField& field : head.headers.fields()) {
      if (field.id == id && !field.value.empty()) {
        Separate();
        writer_->Put(field.value);
      }
    }
  }
  void Separate() {
    if (begun_) {
      writer_->Put(", ");
    } else {
      writer_->Put(name_);
    }
    begun_ = true;
  }
  void Finish() {
    if (begun_) writer_->Put("\r\n");
  }

 private:
  std::string_view name_;
  HeadWriter* writer_;
  bool begun_ = false;
};

void PutForwardedFor(const RequestHead& head, const ForwardedFacts& facts, HeadWriter* writer) {
  if (!facts.trust_client) {
    if (!facts.client_ip.empty()) writer->PutOurs("X-Forwarded-For: ", facts.client_ip);
    return;
  }
  HopList list("X-Forwarded-For: ", writer);
  const auto put = [&](std::string_view address) {
    if (address.empty()) return;
    list.Separate();
    writer->Put(address);
  };
  if (facts.believed == FieldId::kXForwardedFor) {
    list.Keep(head, FieldId::kXForwardedFor);
  } else {
    put(facts.origin);
  }
  put(facts.client_ip);
  list.Finish();
}

// RFC 7239. An element tells of the hop to us; of the one before only trusted clients know.
void PutForwardedElements(const RequestHead& head, const ForwardedFacts& facts,
                          HeadWriter* writer) {
  HopList list("Forwarded: ", writer);
  if (facts.trust_client && facts.believed == FieldId::kForwarded) {
    list.Keep(head, FieldId::kForwarded);
  } else if (facts.trust_client && !facts.origin.empty()) {
    list.Separate();
    writer->PutElement({.ip = facts.origin, .host = {}, .proto = {}});
  }
  list.Separate();
  writer->PutElement({.ip = facts.client_ip, .host = head.authority, .proto = facts.scheme});
  list.Finish();
}

void PutForwarded(const RequestHead& head, const ForwardedFacts& facts,
                  const CopiedForwarded& copied, HeadWriter* writer) {
  const ForwardedFields& written = facts.written;
  if (written.Has(ForwardedField::kFor)) PutForwardedFor(head, facts, writer);
  if (!copied.proto && written.Has(ForwardedField::kProto)) {
    writer->PutOurs("X-Forwarded-Proto: ", facts.scheme);
  }
  // What the client asked for, not what it was taken to mean.
  if (!copied.host && !head.authority.empty() && written.Has(ForwardedField::kHost)) {
    writer->PutOurs("X-Forwarded-Host: ", head.authority);
  }
  if (!copied.port && facts.port != 0 && written.Has(ForwardedField::kPort)) {
    writer->Put("X-Forwarded-Port: ");
    writer->PutNumber(facts.port);
    writer->Put("\r\n");
  }
  if (written.Has(ForwardedField::kForwarded)) PutForwardedElements(head, facts, writer);
}

// What the lists can need beside what came.
size_t ForwardedBytes(const RequestHead& head, const ForwardedFacts& facts) {
  size_t bytes = facts.client_ip.size() + facts.origin.size() + facts.scheme.size();
  if (facts.written.Has(ForwardedField::kForwarded)) {
    bytes += ForwardedElementBound({.ip = facts.origin, .host = {}, .proto = {}}) +
             ForwardedElementBound(
                 {.ip = facts.client_ip, .host = head.authority, .proto = facts.scheme});
  }
  return bytes;
}

void PutTarget(const RequestHead& head, std::string_view instead, HeadWriter* writer) {
  if (!instead.empty()) {
    writer->Put(instead);
    return;
  }
  if (head.form == TargetForm::kAuthority) {
    writer->Put(head.target);
    return;
  }
  writer->Put(head.path);
  if (!head.has_query) return;
  writer->Put("?");
  writer->Put(head.query);
}

std::string_view HostFor(const RequestHead& head, const ForwardedFacts& facts) {
  if (!facts.host.empty()) return facts.host;
  return head.authority.empty() ? facts.default_host : head.authority;
}

// RFC 9110 section 10.1.4: TE is a hop-by-hop field and has to be named.
void PutRequestConnection(const RequestHead& head, bool te_trailers, HeadWriter* writer) {
  if (te_trailers) writer->Put("TE: trailers\r\n");
  if (head.connection_upgrade) {
    writer->Put(
        std::string_view(te_trailers ? "Connection: upgrade, te\r\n" : "Connection: upgrade\r\n"));
    PutUpgradeFields(head.headers, writer);
  } else if (te_trailers) {
    writer->Put("Connection: te\r\n");
  }
}

bool CopiesResponseField(const HeaderField& field, const ResponseFraming& framing) {
  if (field.id == FieldId::kOther) return true;
  if (field.id == FieldId::kTrailer) return framing.body == BodyKind::kChunked;
  return !kFraming.Has(field.id);
}

void PutResponseConnection(const ResponseHead& head, const ResponseFraming& framing,
                           HeadWriter* writer) {
  const bool close = framing.close || framing.body == BodyKind::kUntilClose;
  const std::string_view keep = close ? "close" : framing.keep_alive_10 ? "keep-alive" : "";
  if (framing.upgrade) {
    writer->Put("Connection: upgrade");
    if (!keep.empty()) writer->Put(", ");
    writer->Put(keep);
    writer->Put("\r\n");
    PutUpgradeFields(head.headers, writer);
  } else if (!keep.empty()) {
    writer->Put("Connection: ");
    writer->Put(keep);
    writer->Put("\r\n");
  }
}

void PutTwoDigits(int number, char* out) {
  out[0] = static_cast<char>('0' + number / 10);
  out[1] = static_cast<char>('0' + number % 10);
}

struct Day {
  int year;
  int month;  // 1-12
  int day;    // 1-31
};

// The proleptic Gregorian date of a day counted from 1970-01-01, in years that begin in March,
// where the leap day comes last.
Day DayOf(int64_t days) {
  const int64_t from_march_0000 = days + 719468;
  const int64_t era = from_march_0000 / 146097;
  const int64_t in_era = from_march_0000 % 146097;
  const int64_t year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  const int64_t in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * in_year + 2) / 153;
  const auto month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0)), month,
          static_cast<int>(in_year - (153 * march_month + 2) / 5 + 1)};
}

}  // namespace

void SerializeRequestHead(const RequestHead& head, const ForwardedFacts& facts, pool::Buffer* out) {
  const std::string_view host = HostFor(head, facts);
  // The authority is written twice, the target's bytes once, every field at most once.
  HeadWriter writer(kFixedBytes + head.method_text.size() + head.target.size() +
                        facts.target.size() + host.size() + head.authority.size() +
                        FieldBytes(head.headers) + ForwardedBytes(head, facts) +
                        facts.via_name.size() + facts.identity.size(),
                    out);
  writer.Put(head.method_text);
  writer.Put(" ");
  PutTarget(head, facts.target, &writer);
  writer.Put(" HTTP/1.1\r\nHost: ");
  writer.Put(host);
  writer.Put("\r\n");

  std::optional<uint32_t> max_forwards;
  if (head.headers.Has(FieldId::kMaxForwards)) max_forwards = MaxForwards(head);
  CopiedForwarded copied;
  FieldCopier copier(&writer);
  for (const HeaderField& field : head.headers.fields()) {
    if (field.dropped || !CopiesRequestField(field, head, facts, &copied)) continue;
    if (field.id == FieldId::kMaxForwards && max_forwards.has_value()) continue;
    copier.Copy(field);
  }
  copier.Finish();
  // At 0 it was not to be forwarded at all (RFC 9110 section 7.6.2).
  if (max_forwards.has_value() && *max_forwards > 0) writer.PutMaxForwards(*max_forwards - 1);
  if (head.body == BodyKind::kLength) writer.PutContentLength(head.content_length);
  if (head.body == BodyKind::kChunked) writer.Put("Transfer-Encoding: chunked\r\n");
  writer.PutVia(head.version, facts.via_name);
  PutForwarded(head, facts, copied, &writer);
  if (!facts.identity.empty()) writer.Put(facts.identity);
  PutRequestConnection(head, facts.te_trailers, &writer);
  writer.Finish();
}

void SerializeResponseHead(const ResponseHead& head, const ResponseFraming& framing,
                           std::string_view via_name, pool::Buffer* out) {
  HOLDFAST_CHECK(head.status >= 100 && head.status <= 999);
  HOLDFAST_CHECK(framing.body != BodyKind::kChunked || framing.client_version != Version::kHttp10);
  HeadWriter writer(kFixedBytes + head.reason.size() + FieldBytes(head.headers) + via_name.size() +
                        framing.date.size(),
                    out);
  writer.Put("HTTP/1.1 ");
  writer.PutStatus(head.status);
  writer.Put(" ");
  writer.Put(head.reason);
  writer.Put("\r\n");

  bool has_date = framing.date.empty();
  FieldCopier copier(&writer);
  for (const HeaderField& field : head.headers.fields()) {
    if (field.dropped || !CopiesResponseField(field, framing)) continue;
    has_date |= field.id == FieldId::kDate;
    copier.Copy(field);
  }
  copier.Finish();
  if (framing.body == BodyKind::kChunked) {
    writer.Put("Transfer-Encoding: chunked\r\n");
  } else if (framing.send_length || framing.body == BodyKind::kLength) {
    writer.PutContentLength(framing.content_length);
  }
  writer.PutVia(head.version, via_name);
  if (!has_date) {
    writer.Put("Date: ");
    writer.Put(framing.date);
    writer.Put("\r\n");
  }
  PutResponseConnection(head, framing, &writer);
  writer.Finish();
}

void AppendChunkHeader(size_t bytes, pool::Buffer* out) {
  HOLDFAST_CHECK(bytes > 0);  // a zero would be the last chunk
  const std::span<char> room = out->PrepareWrite(kMaxDigits);
  char* end = std::to_chars(room.data(), room.data() + room.size(), bytes, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out->CommitWrite(static_cast<size_t>(end - room.data()));
}

void AppendChunkEnd(pool::Buffer* out) { out->Append("\r\n"); }

void AppendLastChunk(const HeaderList* trailers, pool::Buffer* out) {
  if (trailers == nullptr) {
    out->Append("0\r\n\r\n");
    return;
  }
  HeadWriter writer(kFixedBytes + FieldBytes(*trailers), out);
  writer.Put("0\r\n");
  for (const HeaderField& field : trailers->fields()) {
    if (!field.dropped) writer.PutField(field.name, field.value);
  }
  writer.Finish();
}

void FormatDate(int64_t unix_seconds, char* out) {
  constexpr std::string_view kDays = "ThuFriSatSunMonTueWed";  // 1970-01-01 was a Thursday
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  HOLDFAST_CHECK(unix_seconds >= 0 && unix_seconds < 253402300800);
  const int64_t days = unix_seconds / 86400;
  const auto second = static_cast<int>(unix_seconds % 86400);
  const Day date = DayOf(days);
  std::memcpy(out, "Ddd, DD Mmm YYYY HH:MM:SS GMT", kDateBytes);
  std::memcpy(out, kDays.data() + 3 * (days % 7), 3);
  PutTwoDigits(date.day, out + 5);
  std::memcpy(out + 8, kMonths.data() + 3 * (date.month - 1), 3);
  PutTwoDigits(date.year / 100, out + 12);
  PutTwoDigits(date.year % 100, out + 14);
  PutTwoDigits(second / 3600, out + 17);
  PutTwoDigits(second / 60 % 60, out + 20);
  PutTwoDigits(second % 60, out + 23);
}

}  // namespace holdfast::http
