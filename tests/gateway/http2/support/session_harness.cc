#include "tests/gateway/http2/support/session_harness.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/plain_transport.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::http2 {

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
  frame += static_cast<char>(type);
  frame += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
  return frame.append(payload);
}

http::ResponseHead HeadOf(uint16_t status, http::BodyKind body, uint64_t length) {
  http::ResponseHead head;
  head.status = status;
  head.body = body;
  head.content_length = length;
  head.has_content_length = body == http::BodyKind::kLength;
  return head;
}

SessionHarness::SessionHarness(const HarnessOptions& options) : answers(options.answers) {
  pool::SocketPair pair = pool::UnixPair();
  client = std::make_unique<support::Http2Client>(support::WireSocket(pair.theirs.Release()),
                                                  options.client);
  connection = std::make_unique<pool::Connection>(
      &loop, &slabs, std::make_unique<pool::PlainTransport>(std::move(pair.ours)), this,
      pool::Connection::Stage::kEstablished);
  EXPECT_EQ(connection->Open(), 0);
  session =
      std::make_unique<ServerSession>(&loop, &slabs, connection.get(), this, options.limits, this);
}

SessionHarness::~SessionHarness() {
  session->Lose();
  Look();
  while (!live.empty()) Finish(*live.back(), /*complete=*/false);
  session.reset();
  connection.reset();
  EXPECT_EQ(slabs.in_use(), 0u);
}

void SessionHarness::Turn() {
  client->SendWhatFits();
  loop.RunOnce(pool::Duration::zero());
  if (client_reads) client->TakeWhatIsThere();
}

void SessionHarness::Turns(int n) {
  for (int i = 0; i < n; ++i) Turn();
}

void SessionHarness::OnConnectionReady() {
  session->Receive();
  if (!connection->out().empty()) session->SendSoon();
  Look();
}

void SessionHarness::OnSessionNews() {
  ++news;
  Look();
}

void SessionHarness::Look() {
  while (ServerStream* const stream = session->NextServerStream()) {
    ready.push_back(stream);
    if (std::ranges::find(live, stream) == live.end()) live.push_back(stream);
    if (!stream->TakeBegin()) continue;
    begun.push_back(stream);
    if (!answers) continue;
    Answer(*stream);
    Finish(*stream);
  }
}

ServerStream* SessionHarness::Begin(const support::Http2Request& request, int32_t* id) {
  const size_t before = begun.size();
  const int32_t stream = client->Send(request);
  if (id != nullptr) *id = stream;
  EXPECT_TRUE(TurnUntil([&] { return begun.size() > before; }));
  return begun.back();
}

void SessionHarness::Answer(ServerStream& stream, std::string_view body) {
  stream.SendHead(HeadOf(200, http::BodyKind::kLength, body.size()), {});
  stream.SendBody(body);
  stream.SendEnd(nullptr);
  stream.Flush();
}

void SessionHarness::Finish(ServerStream& stream, bool complete) {
  std::erase(live, &stream);
  std::erase(begun, &stream);
  stream.Finish(complete);
}

std::string SessionHarness::TakeBody(ServerStream& stream) {
  std::string body;
  while ((last = stream.NextBody()).kind == stream::BodyStep::Kind::kData) {
    body += last.buffer->Linearize(last.bytes);
    last.buffer->Consume(last.bytes);
  }
  return body;
}

}  // namespace holdfast::http2
