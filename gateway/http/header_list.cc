#include "gateway/http/header_list.h"

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

constexpr std::array<char, 256> LowerTable() {
  std::array<char, 256> table{};
  for (int byte = 0; byte < 256; ++byte) {
    table[byte] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
  }
  return table;
}
constexpr std::array<char, 256> kLower = LowerTable();

char Lower(char byte) { return kLower[static_cast<unsigned char>(byte)]; }

constexpr size_t kWordBytes = sizeof(uint64_t);

uint64_t WordAt(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

constexpr uint64_t kOnes = 0x0101010101010101u;

// The highest bit of each byte that is one of A to Z.
uint64_t CapitalsOf(uint64_t word) {
  const uint64_t seven_bits = word & (kOnes * 0x7f);
  const uint64_t from_a = seven_bits + kOnes * (0x80 - 'A');
  const uint64_t past_z = seven_bits + kOnes * (0x7f - 'Z');
  return (from_a ^ past_z) & ~word & (kOnes * 0x80);
}

// Whether they differ by more than the case of letters, which is one bit of each.
bool WordsDiffer(const char* a, const char* b) {
  constexpr uint64_t kCase = kOnes * 0x20;
  const uint64_t word = WordAt(a);
  const uint64_t difference = word ^ WordAt(b);
  if (difference == 0) return false;
  return (difference & ~kCase) != 0 || (difference << 2 & ~CapitalsOf(word & ~difference)) != 0;
}

// `lower` is in lower case and as long as `name`.
bool Is(std::string_view name, const char* lower) {
  for (size_t i = 0; i < name.size(); ++i) {
    if (Lower(name[i]) != lower[i]) return false;
  }
  return true;
}

// The first and the last bytes of a name, in lower case; of up to 16 bytes none is left out.
// Setting one bit makes a letter small and leaves the other bytes of names as they are, but for '^'
// and '_', which are in none that is known.
struct FoldedEnds {
  uint64_t first = 0;
  uint64_t last = 0;
  bool operator==(const FoldedEnds&) const = default;
};

template <typename Word>
constexpr Word FoldedWord(std::string_view name, size_t at) {
  Word word = 0;
  if (std::is_constant_evaluated()) {
    for (size_t i = 0; i < sizeof word; ++i) {
      const size_t place = std::endian::native == std::endian::little ? i : sizeof word - 1 - i;
      word |= static_cast<Word>(static_cast<Word>(name[at + i]) << (8 * place));
    }
  } else {
    std::memcpy(&word, name.data() + at, sizeof word);
  }
  return word | static_cast<Word>(0x2020202020202020u);
}

template <typename Word>
constexpr FoldedEnds FoldedEndsOf(std::string_view name) {
  return {FoldedWord<Word>(name, 0), FoldedWord<Word>(name, name.size() - sizeof(Word))};
}

constexpr FoldedEnds Fold(std::string_view name) {
  if (name.size() >= 8) return FoldedEndsOf<uint64_t>(name);
  if (name.size() >= 4) return FoldedEndsOf<uint32_t>(name);
  if (name.size() >= 2) return FoldedEndsOf<uint16_t>(name);
  return {};
}

// A name that is known, of the length that the switch below has found.
class Known {
 public:
  consteval Known(const char* lower, FieldId id) : lower_(lower), ends_(Fold(lower)), id_(id) {}

  [[gnu::always_inline]] FieldId IdIf(std::string_view name, const FoldedEnds& ends,
                                      FieldId otherwise) const {
    if (ends != ends_) return otherwise;
    return name.size() <= 16 || Is(name, lower_) ? id_ : otherwise;
  }

 private:
  const char* lower_;
  FoldedEnds ends_;
  FieldId id_;
};

bool IsAlphanumeric(char byte) {
  const char lower = Lower(byte);
  return (lower >= 'a' && lower <= 'z') || IsDigit(byte);
}

FieldId IdentifyForwardedFamily(std::string_view name) {
  constexpr std::string_view kPrefix = "x-forwarded-";
  const std::string_view prefix = name.substr(0, kPrefix.size());
  if (name.size() <= kPrefix.size() || !LooksLikeName(prefix, kPrefix)) return FieldId::kOther;
  return Is(prefix, kPrefix.data()) ? FieldId::kXForwardedOther : FieldId::kLookalike;
}

FieldId IdentifyClientCert(std::string_view name, FieldId otherwise) {
  const bool cert = LooksLikeName(name, "client-cert") || LooksLikeName(name, "client-cert-chain");
  return cert ? FieldId::kClientCert : otherwise;
}

// "keep-alive".
constexpr size_t kShortestLookalike = 10;

// Of names that are none of those below, which a reader might take for one that frames a message or
// belongs to one hop. Their first letters are looked at first: nearly every field ends there.
[[gnu::noinline]] FieldId IdentifyLookalike(std::string_view name) {
  const auto lookalike = [&](std::string_view lower) {
    return LooksLikeName(name, lower) ? FieldId::kLookalike : FieldId::kOther;
  };
  switch (Lower(name[0])) {
    case 'x': return IdentifyForwardedFamily(name);
    case 'c': return IdentifyClientCert(name, lookalike("content-length"));
    case 't': return lookalike("transfer-encoding");
    case 'k': return lookalike("keep-alive");
    case 'p': return lookalike("proxy-connection");
    case 'h': return lookalike("http2-settings");
    default: return FieldId::kOther;
  }
}

FieldId IdentifyKnown(std::string_view name) {
  const FoldedEnds ends = Fold(name);
  const auto pick = [&](auto... known) __attribute__((always_inline)) {
    FieldId id = FieldId::kOther;
    ((id = known.IdIf(name, ends, id)), ...);
    return id;
  };
  switch (name.size()) {
    case 2: return pick(Known("te", FieldId::kTe));
    case 3: return pick(Known("via", FieldId::kVia));
    case 4: return pick(Known("host", FieldId::kHost), Known("date", FieldId::kDate));
    case 6:
      return pick(Known("cookie", FieldId::kCookie), Known("expect", FieldId::kExpect),
                  Known("server", FieldId::kServer));
    case 7:
      return pick(Known("upgrade", FieldId::kUpgrade), Known("trailer", FieldId::kTrailer),
                  Known("alt-svc", FieldId::kAltSvc));
    case 9: return pick(Known("forwarded", FieldId::kForwarded));
    case 10:
      return pick(Known("connection", FieldId::kConnection),
                  Known("keep-alive", FieldId::kKeepAlive),
                  Known("user-agent", FieldId::kUserAgent));
    case 11: return pick(Known("retry-after", FieldId::kRetryAfter));
    case 12:
      return pick(Known("content-type", FieldId::kContentType),
                  Known("max-forwards", FieldId::kMaxForwards));
    case 13: return pick(Known("authorization", FieldId::kAuthorization));
    case 14:
      return pick(Known("content-length", FieldId::kContentLength),
                  Known("http2-settings", FieldId::kHttp2Settings));
    case 15: return pick(Known("x-forwarded-for", FieldId::kXForwardedFor));
    case 16:
      return pick(Known("proxy-connection", FieldId::kProxyConnection),
                  Known("x-forwarded-host", FieldId::kXForwardedHost),
                  Known("x-forwarded-port", FieldId::kXForwardedPort),
                  Known("www-authenticate", FieldId::kWwwAuthenticate));
    case 17:
      return pick(Known("transfer-encoding", FieldId::kTransferEncoding),
                  Known("x-forwarded-proto", FieldId::kXForwardedProto));
    case 18: return pick(Known("proxy-authenticate", FieldId::kProxyAuthenticate));
    case 19: return pick(Known("proxy-authorization", FieldId::kProxyAuthorization));
    case 25: return pick(Known("proxy-authentication-info", FieldId::kProxyAuthenticationInfo));
    default: return FieldId::kOther;
  }
}

}  // namespace

FieldId IdentifyField(std::string_view name) {
  const FieldId id = IdentifyKnown(name);
  return id == FieldId::kOther && name.size() >= kShortestLookalike ? IdentifyLookalike(name) : id;
}

bool LooksLikeName(std::string_view name, std::string_view known) {
  if (name.size() != known.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool sign = !IsAlphanumeric(known[i]);
    if (sign ? IsAlphanumeric(name[i]) : Lower(name[i]) != Lower(known[i])) return false;
  }
  return true;
}

bool SameIgnoringCase(std::string_view a, const char* b) {
  const auto differ_at = [&](size_t at) { return WordsDiffer(a.data() + at, b + at); };
  if (a.size() >= kWordBytes) {
    const size_t last = a.size() - kWordBytes;
    for (size_t i = 0; i < last; i += kWordBytes) {
      if (differ_at(i)) return false;
    }
    return !differ_at(last);
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

const HeaderField* HeaderList::Find(FieldId id) const {
  if (!Has(id)) return nullptr;
  for (const HeaderField& field : fields_) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const HeaderField* HeaderList::FindByName(std::string_view name) const {
  for (const HeaderField& field : fields_) {
    if (EqualsIgnoreCase(field.name, name)) return &field;
  }
  return nullptr;
}

}  // namespace holdfast::http
