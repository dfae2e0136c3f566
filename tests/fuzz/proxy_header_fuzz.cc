// The bytes with which a connection begins that a proxy makes. However they come, the same header
// is found; what it says can be written and is read again.

#include <algorithm>
#include <string>
#include <string_view>

#include "pool/net/proxy_header.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

using pool::ProxyHeaderReader;
using State = ProxyHeaderReader::State;

struct Outcome {
  State state;
  size_t taken;
  pool::ProxiedEnds ends;
};

Outcome ReadInPieces(std::string_view bytes, size_t piece) {
  ProxyHeaderReader reader;
  size_t taken = 0;
  while (reader.state() == State::kMore && taken < bytes.size()) {
    const std::string exact(bytes.substr(taken, piece));  // a read past its end is found
    const size_t now = reader.Take(exact);
    HOLDFAST_PROPERTY(now <= exact.size());
    HOLDFAST_PROPERTY(now > 0 || reader.state() == State::kBroken);
    HOLDFAST_PROPERTY(reader.state() != State::kMore || now == exact.size());
    taken += now;
  }
  HOLDFAST_PROPERTY(taken <= ProxyHeaderReader::kMaxBytes);
  return {reader.state(), taken, reader.ends()};
}

void CheckWrittenAgain(const pool::ProxiedEnds& ends) {
  for (const pool::ProxyVersion version : {pool::ProxyVersion::kV1, pool::ProxyVersion::kV2}) {
    const std::string header = pool::ProxyHeaderFor(version, ends);
    const Outcome again = ReadInPieces(header + "x", ProxyHeaderReader::kMaxBytes);
    HOLDFAST_PROPERTY(again.state == State::kComplete && again.taken == header.size());
    HOLDFAST_PROPERTY(again.ends.source.Ip() == ends.source.Ip());
    HOLDFAST_PROPERTY(again.ends.destination.Ip() == ends.destination.Ip());
    HOLDFAST_PROPERTY(again.ends.source.port() == ends.source.port());
    HOLDFAST_PROPERTY(again.ends.destination.port() == ends.destination.port());
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast::fuzz;
  const std::string_view bytes = AsText(data, size);
  const Outcome whole = ReadInPieces(bytes, std::max<size_t>(size, 1));
  for (const size_t piece : {1, 2, 13, 16}) {
    const Outcome pieces = ReadInPieces(bytes, piece);
    HOLDFAST_PROPERTY(pieces.state == whole.state && pieces.ends == whole.ends);
    HOLDFAST_PROPERTY(whole.state != State::kComplete || pieces.taken == whole.taken);
  }
  if (whole.state == State::kComplete && whole.ends.known()) CheckWrittenAgain(whole.ends);
  return 0;
}
