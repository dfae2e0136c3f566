#include "pool/tls/tls_transport.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/tls_peer.h"
#include "tests/pool/tls/support/tls_worker.h"

// Our transport against the library itself.

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

// Counts the records that a write makes, by their sizes on the wire.
std::vector<size_t> RecordsIn(std::string_view wire) {
  std::vector<size_t> sizes;
  while (wire.size() >= 5) {
    const size_t size = static_cast<uint8_t>(wire[3]) << 8 | static_cast<uint8_t>(wire[4]);
    sizes.push_back(size);
    wire.remove_prefix(std::min(wire.size(), 5 + size));
  }
  return sizes;
}

class TlsTransportTest : public testing::Test, public TlsWorker {
 protected:
  // Shakes hands with a client, its bytes `step` at a time.
  void Accept(const TlsPeer::Options& options = {.server_name = "a.test"},
              const TlsServerSettings& settings = SiteSettings(), size_t step = 0) {
    Serve(ServerWith(settings));
    client_ = std::make_unique<TlsPeer>(options);
    Shake(*client_, step);
  }
  void Shake(TlsPeer& other, size_t step = 0) {
    ASSERT_TRUE(TurnUntil([&] {
      if (step == 0) {
        other.Turn(peer);
      } else {
        other.Feed(ReceiveSome(peer));
        other.Handshake();
        const std::string wire = other.Take();
        for (size_t at = 0; at < wire.size(); at += step) {
          SendAll(peer, std::string_view(wire).substr(at, step));
          Turn();
        }
      }
      return connection->established() && other.handshaken();
    })) << word()
        << " " << other.error();
  }
  void Send(std::string_view wire) {
    SendAll(peer, wire);
    for (int i = 0; i < 3; ++i) Turn();
  }
  std::string Await(TlsPeer& other, size_t bytes) {
    std::string got;
    EXPECT_TRUE(TurnUntil([&] {
      connection->Flush();
      other.Turn(peer);
      got += other.Read();
      return got.size() >= bytes;
    })) << got.size();
    return got;
  }

  std::unique_ptr<TlsPeer> client_;
};

// The library takes nothing after it, so that whatever came would only pile up.
TEST_F(TlsTransportTest, AnEndWithinTheHandshakeEndsIt) {
  Serve(ServerWith(SiteSettings()));
  TlsPeer other({.server_name = "a.test", .version = TLS1_2_VERSION});
  other.Handshake();
  SendAll(peer, other.Take());
  ASSERT_TRUE(TurnUntil([&] { return !ReceiveSome(peer).empty(); }));
  const std::string end("\x15\x03\x03\x00\x02\x01\x00", 7);
  const std::string record = std::string("\x16\x03\x03\x3f\xff", 5) + std::string(0x3fff, 'x');
  SendAll(peer, end);
  for (int i = 0; i < 8; ++i) SendAll(peer, record);
  ASSERT_TRUE(TurnUntil([&] { return decided(); }));
  EXPECT_EQ(word(), "tls_closed_in_handshake");
}

TEST_F(TlsTransportTest, ServesAClient) {
  Accept();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(transport().version(), "TLSv1.3");
  EXPECT_EQ(transport().cipher(), "TLS_AES_256_GCM_SHA384") << "the client's order";
  EXPECT_EQ(transport().server_name(), "a.test");
  EXPECT_FALSE(transport().resumed());
  EXPECT_EQ(transport().protocol(), "");
  Send(client_->Data("hello"));
  EXPECT_EQ(Read(), "hello");
  EXPECT_EQ(Write("world"), FlushStatus::kDone);
  EXPECT_EQ(Await(*client_, 5), "world");
}

TEST_F(TlsTransportTest, ServesTls12) {
  Accept({.server_name = "a.test", .version = TLS1_2_VERSION});
  EXPECT_EQ(transport().version(), "TLSv1.2");
  Send(client_->Data("hello"));
  EXPECT_EQ(Read(), "hello");
  EXPECT_EQ(Write("world"), FlushStatus::kDone);
  EXPECT_EQ(Await(*client_, 5), "world");
}

TEST_F(TlsTransportTest, AHandshakeMayComeByteByByte) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Accept({.server_name = "a.test", .version = version}, SiteSettings(), /*step=*/1);
    const std::string wire = client_->Data("hello");
    std::string got;
    for (const char byte : wire) {
      Send({&byte, 1});
      got += Read();
    }
    EXPECT_EQ(got, "hello");
  }
}

TEST_F(TlsTransportTest, ConnectsToAnUpstream) {
  const Issued site = SiteFor({"a.test"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Connect(ClientWith(UpstreamSettings()));
    TlsPeer server({.server = true, .certificate = &site, .version = version});
    Shake(server);
    EXPECT_EQ(Write("hello"), FlushStatus::kDone);
    EXPECT_EQ(Await(server, 5), "hello");
    Send(server.Data("world"));
    EXPECT_EQ(Read(), "world");
    EXPECT_FALSE(transport().PeerCertificate().empty());
  }
}

// What is inside no readiness tells of: it must be asked for.
TEST_F(TlsTransportTest, MuchInOneSegmentIsReadToItsEnd) {
  Accept();
  const std::string much = Pattern(64 * 1024, 7);
  Send(client_->Data(much));
  std::string got = Read();
  EXPECT_EQ(got.size(), much.size());
  EXPECT_EQ(got, much);
  EXPECT_FALSE(connection->readable());
}

TEST_F(TlsTransportTest, ASmallRoomLosesNothing) {
  Accept();
  const std::string much = Pattern(100'000, 3);
  Send(client_->Data(much));
  std::string got;
  // Reads end in the middle of records, and of what was received.
  for (size_t room = 1; connection->readable(); room = room * 2 % 8191 + 1) {
    std::string piece(room, '\0');
    const iovec into{.iov_base = piece.data(), .iov_len = piece.size()};
    const IoResult result = transport().Read(&into, 1);
    if (result.status != IoStatus::kOk) break;
    got += piece.substr(0, result.bytes);
  }
  EXPECT_EQ(got, much);
}

TEST_F(TlsTransportTest, ARequestInTheSegmentOfFinishedIsServed) {
  Serve(ServerWith(SiteSettings()));
  TlsPeer client({.server_name = "a.test"});
  client.Handshake();
  Send(client.Take());
  client.Feed(ReceiveSome(peer));
  ASSERT_TRUE(client.Handshake());
  std::string wire = client.Take();
  wire += client.Data("GET");
  Send(wire);
  ASSERT_TRUE(connection->established());
  EXPECT_TRUE(connection->readable()) << "no readiness comes any more";
  EXPECT_EQ(ReceiveSome(peer), "") << "the ticket waits for the response";
  EXPECT_EQ(Read(), "GET");
  EXPECT_EQ(Write("200"), FlushStatus::kDone);
  client.Feed(ReceiveSome(peer));
  EXPECT_EQ(client.Read(), "200");
  EXPECT_NE(client.session(), nullptr) << "it came with the response";
}

TEST_F(TlsTransportTest, ALongBodyCrossesASlowSocketUnharmed) {
  Serve(ServerWith(SiteSettings()), UnixPair());
  client_ = std::make_unique<TlsPeer>(TlsPeer::Options{.server_name = "a.test"});
  Shake(*client_);
  const std::string much = Pattern(3'000'000, 9);
  EXPECT_EQ(Write(much), FlushStatus::kBlocked);
  EXPECT_LT(connection->out().size(), much.size());
  EXPECT_EQ(Await(*client_, much.size()), much);
  EXPECT_EQ(connection->Flush(), FlushStatus::kDone);
  EXPECT_TRUE(transport().Detachable());
}

// Every byte that is reported as written has left, but for part of a record: whoever waits for a
// slow reader sees it move.
TEST_F(TlsTransportTest, ProgressIsReportedAsRecordsLeave) {
  Serve(ServerWith(SiteSettings()), UnixPair());
  client_ = std::make_unique<TlsPeer>(TlsPeer::Options{.server_name = "a.test"});
  Shake(*client_);
  ASSERT_EQ(Write(std::string(1'000'000, 'x')), FlushStatus::kBlocked);
  std::string got;
  size_t left = connection->out().size();
  for (int i = 0; i < 20; ++i) {
    EXPECT_GE(connection->transport().wire_bytes_written(), connection->bytes_written());
    char some[20'000];
    const ssize_t bytes = recv(peer.get(), some, sizeof(some), 0);
    ASSERT_GT(bytes, 0);
    client_->Feed({some, static_cast<size_t>(bytes)});
    Turn();
    connection->Flush();
    EXPECT_LE(connection->out().size(), left);
    left = connection->out().size();
  }
  EXPECT_LT(left, 800'000u);
}

TEST_F(TlsTransportTest, PiecesOfAllSizesAreWrittenInOrder) {
  Accept();
  std::string all;
  for (size_t size = 1; size < 40'000; size = size * 3 + 1) {
    const std::string piece = Pattern(size, static_cast<int>(size % 250));
    all += piece;
    connection->out().Append(piece);
  }
  connection->Flush();
  EXPECT_EQ(Await(*client_, all.size()), all);
}

TEST_F(TlsTransportTest, RecordsAreSmallFirstThenFull) {
  Accept();
  ReceiveSome(peer);
  const auto spell = [&](size_t bytes) {
    std::string wire;
    connection->out().Append(std::string(bytes, 'x'));
    EXPECT_TRUE(TurnUntil([&] {
      const FlushStatus status = connection->Flush();
      wire += ReceiveSome(peer);
      return status == FlushStatus::kDone;
    }));
    Turn();
    return RecordsIn(wire + ReceiveSome(peer));
  };
  std::vector<size_t> sizes = spell(200'000);
  ASSERT_GT(sizes.size(), 47u);
  for (int i = 0; i < 20; ++i) EXPECT_LE(sizes[static_cast<size_t>(i)], 1440u) << i;
  EXPECT_GT(*std::max_element(sizes.begin(), sizes.end()), 16'000u);
  EXPECT_GT(spell(16 * 1024)[0], 8'000u) << "the spell goes on";
  clock.Advance(seconds(2));
  Turn();
  EXPECT_LE(spell(16 * 1024)[0], 1440u) << "a new one begins small";
}

TEST_F(TlsTransportTest, HeadAndBodyOfASmallResponseAreOneRecord) {
  Accept();
  ReceiveSome(peer);
  const iovec pieces[] = {{.iov_base = const_cast<char*>("head"), .iov_len = 4},
                          {.iov_base = const_cast<char*>("body"), .iov_len = 4}};
  EXPECT_EQ(transport().Write(pieces, 2).bytes, 8u);
  const std::string wire = Receive(peer, 5 + 8 + 17);
  EXPECT_EQ(RecordsIn(wire).size(), 1u);
}

TEST_F(TlsTransportTest, TellsAnEndFromATruncation) {
  for (const bool said : {true, false}) {
    Accept();
    std::string wire = client_->Data("last words");
    if (said) wire += client_->End();
    Send(wire);
    shutdown(peer.get(), SHUT_WR);
    std::string got;
    ASSERT_TRUE(TurnUntil([&] {
      got += Read();
      return connection->end() != ConnectionEnd::kOpen;
    }));
    EXPECT_EQ(got, "last words");
    EXPECT_EQ(connection->Fill(1), FillStatus::kEndOfStream);
    EXPECT_EQ(connection->end(), said ? ConnectionEnd::kEndedInOrder : ConnectionEnd::kTruncated);
    EXPECT_EQ(connection->Inspect(), said ? Quiet::kEnd : Quiet::kError);
  }
}

TEST_F(TlsTransportTest, AnUpstreamThatLeavesWithoutAWordIsATruncation) {
  const Issued site = SiteFor({"a.test"});
  Connect(ClientWith(UpstreamSettings()));
  TlsPeer server({.server = true, .certificate = &site});
  Shake(server);
  Send(server.Data("half of a body"));
  peer.Reset();
  std::string got;
  ASSERT_TRUE(TurnUntil([&] {
    got += Read();
    return connection->end() != ConnectionEnd::kOpen;
  }));
  EXPECT_EQ(got, "half of a body");
  EXPECT_EQ(connection->end(), ConnectionEnd::kTruncated);
}

TEST_F(TlsTransportTest, AfterTheClientsEndTheResponseStillReachesIt) {
  Accept();
  std::string wire = client_->Data("GET");
  wire += client_->End();
  Send(wire);
  EXPECT_EQ(Read(), "GET");
  EXPECT_EQ(connection->Fill(1), FillStatus::kEndOfStream);
  EXPECT_EQ(connection->end(), ConnectionEnd::kEndedInOrder);
  EXPECT_EQ(Write("200"), FlushStatus::kDone);
  EXPECT_EQ(Await(*client_, 3), "200");
}

TEST_F(TlsTransportTest, ShutdownSaysSoAndTheClientMayGoOn) {
  Accept();
  EXPECT_EQ(Write("bye"), FlushStatus::kDone);
  connection->Shutdown();
  std::string got;
  bool open = true;
  ASSERT_TRUE(TurnUntil([&] {
    open = open && client_->Turn(peer);
    got += client_->Read();
    return !open;
  }));
  EXPECT_EQ(got, "bye");
  EXPECT_TRUE(client_->heard_end());
  Send(client_->Data("late"));
  EXPECT_EQ(Read(), "late");
  connection->out().Append("no more");
  EXPECT_EQ(connection->Flush(), FlushStatus::kError) << "nothing follows the end";
}

// A packet less for each connection that ends after its response.
TEST_F(TlsTransportTest, AnExpectedEndLeavesWithTheLastBytes) {
  Accept();
  client_->Turn(peer);
  connection->out().Append("bye");
  connection->ExpectEnd();
  EXPECT_EQ(connection->Flush(), FlushStatus::kDone);
  const std::string wire = ReceiveSome(peer);
  EXPECT_EQ(RecordsIn(wire).size(), 2u);
  client_->Feed(wire);
  EXPECT_EQ(client_->Read(), "bye");
  EXPECT_TRUE(client_->heard_end());
  connection->SayEnd();
  connection->Close();
  EXPECT_FALSE(client_->Turn(peer)) << "and then there is only the socket's end";
  EXPECT_EQ(client_->error(), "");
}

TEST_F(TlsTransportTest, AnExpectedEndComesAfterAllThereIs) {
  Serve(ServerWith(SiteSettings()), UnixPair());
  client_ = std::make_unique<TlsPeer>(TlsPeer::Options{.server_name = "a.test"});
  Shake(*client_);
  const std::string body(4'000'000, 'x');
  connection->out().Append(body);
  connection->ExpectEnd();
  ASSERT_EQ(connection->Flush(), FlushStatus::kBlocked);
  EXPECT_EQ(Await(*client_, body.size()), body);
  ASSERT_TRUE(TurnUntil([&] {
    client_->Turn(peer);
    return client_->heard_end();
  }));
  EXPECT_EQ(connection->Flush(), FlushStatus::kDone);
}

TEST_F(TlsTransportTest, WhoIsClosedIsTold) {
  Accept();
  connection->SayEnd();
  connection->Close();
  std::string got;
  ASSERT_TRUE(TurnUntil([&] { return !client_->Turn(peer); }));
  EXPECT_TRUE(client_->heard_end());
}

TEST_F(TlsTransportTest, AnEndThatFindsNoRoomIsSentLater) {
  Serve(ServerWith(SiteSettings()), UnixPair());
  client_ = std::make_unique<TlsPeer>(TlsPeer::Options{.server_name = "a.test"});
  Shake(*client_);
  ASSERT_EQ(Write(std::string(4'000'000, 'x')), FlushStatus::kBlocked);
  connection->out().Clear();
  connection->Shutdown();
  bool open = true;
  ASSERT_TRUE(TurnUntil([&] {
    open = open && client_->Turn(peer);
    client_->Read();
    return !open;
  }));
  EXPECT_TRUE(client_->heard_end());
}

TEST_F(TlsTransportTest, WhatIsNobodysDataLeavesAnIdleUpstreamQuiet) {
  const Issued site = SiteFor({"a.test"});
  Connect(ClientWith(UpstreamSettings()));
  TlsPeer server({.server = true, .certificate = &site});
  Shake(server);
  EXPECT_EQ(connection->Inspect(), Quiet::kQuiet);
  std::string wire = server.KeyUpdate(/*ask=*/true);
  wire += server.Ticket();
  wire += server.KeyUpdate(/*ask=*/false);
  Send(wire);
  EXPECT_EQ(connection->Inspect(), Quiet::kQuiet);
  EXPECT_FALSE(connection->readable());
  EXPECT_TRUE(connection->Detachable());
  EXPECT_EQ(Write("with the new keys"), FlushStatus::kDone);
  EXPECT_EQ(Await(server, 17), "with the new keys");
  Send(server.Data("x").substr(0, 3));
  EXPECT_EQ(connection->Inspect(), Quiet::kQuiet);
  EXPECT_FALSE(connection->Detachable()) << "part of a record lies inside";
}

TEST_F(TlsTransportTest, DataOnAnIdleConnectionIsFoundAndKept) {
  Accept();
  Send(client_->Data("unasked"));
  EXPECT_EQ(connection->Inspect(), Quiet::kData);
  EXPECT_FALSE(connection->Detachable());
  EXPECT_EQ(Read(), "unasked");
  EXPECT_TRUE(connection->Detachable());
}

TEST_F(TlsTransportTest, KeyUpdatesAreBoundedInASecond) {
  Accept();
  for (int i = 0; i < TlsTransport::kMaxMessagesPerSecond; ++i) {
    Send(client_->KeyUpdate(/*ask=*/false));
    EXPECT_EQ(connection->Inspect(), Quiet::kQuiet) << i;
  }
  clock.Advance(seconds(1));
  Turn();
  std::string flood;
  for (int i = 0; i <= TlsTransport::kMaxMessagesPerSecond; ++i) {
    flood += client_->KeyUpdate(/*ask=*/true);
  }
  flood += client_->Data("and data");
  Send(flood);
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(word(), "tls_key_updates");
  EXPECT_LT(transport().wire_bytes_written(), 20'000u);
}

TEST_F(TlsTransportTest, RenegotiationEndsTheConnection) {
  Accept({.server_name = "a.test", .version = TLS1_2_VERSION});
  Send(client_->Renegotiation());
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(word(), "tls_renegotiation");
}

TEST_F(TlsTransportTest, AnUpstreamMayNotRenegotiateEither) {
  const Issued site = SiteFor({"a.test"});
  Connect(ClientWith(UpstreamSettings()));
  TlsPeer server({.server = true, .certificate = &site, .version = TLS1_2_VERSION});
  Shake(server);
  Send(server.Renegotiation());
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(word(), "tls_renegotiation");
}

TEST_F(TlsTransportTest, GarbledBytesEndTheConnection) {
  Accept();
  std::string wire = client_->Data("hello");
  wire[8] ^= 1;
  Send(wire);
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(word(), "tls_protocol");
  EXPECT_EQ(Write("x"), FlushStatus::kError);
}

TEST_F(TlsTransportTest, AResetIsAReset) {
  Accept();
  CloseWithReset(peer);
  ASSERT_TRUE(TurnUntil(
      [&] { return connection->end() != ConnectionEnd::kOpen || connection->readable(); }));
  EXPECT_EQ(connection->Fill(1), FillStatus::kError);
  EXPECT_EQ(connection->end(), ConnectionEnd::kReset);
}

// The kernel tells of it once. A reset that is taken for an end would be half a proof that a
// request was not read.
TEST_F(TlsTransportTest, AResetStaysOneWhoeverMeetsItFirst) {
  void (*const meetings[])(TlsTransport&) = {
      [](TlsTransport&) {},
      [](TlsTransport& transport) { EXPECT_EQ(transport.Inspect(), Quiet::kError); },
      [](TlsTransport& transport) { transport.Shutdown(); },
  };
  for (const auto& meet : meetings) {
    Accept();
    CloseWithReset(peer);
    meet(transport());
    char room[1];
    const iovec piece{.iov_base = room, .iov_len = sizeof(room)};
    const IoResult read = transport().Read(&piece, 1);
    EXPECT_EQ(read.status, IoStatus::kFailed);
    EXPECT_EQ(read.error.system, ECONNRESET);
  }
}

TEST_F(TlsTransportTest, CountsWhatCrossesTheWireAndWhatArrived) {
  const Issued site = SiteFor({"a.test"});
  Connect(ClientWith(UpstreamSettings()));
  TlsPeer server({.server = true, .certificate = &site});
  Shake(server);
  const uint64_t before = transport().wire_bytes_written();
  EXPECT_GT(before, 200u) << "the handshake counts";
  EXPECT_EQ(Write("hello"), FlushStatus::kDone);
  EXPECT_EQ(transport().wire_bytes_written(), before + 5 + 5 + 17);
  EXPECT_EQ(Await(server, 5), "hello");
  Send(server.Data("world"));  // with which the acknowledgement comes
  EXPECT_EQ(Read(), "world");
  EXPECT_EQ(transport().wire_bytes_acknowledged(), transport().wire_bytes_written());
}

// A worker gives it to another: the loop, the slabs and the sessions are others then.
TEST_F(TlsTransportTest, ItTravelsWhileNothingIsInside) {
  const Issued site = SiteFor({"a.test"});
  const auto context = ClientWith(UpstreamSettings());
  Connect(context);
  TlsPeer server({.server = true, .certificate = &site});
  Shake(server);
  ASSERT_EQ(connection->Inspect(), Quiet::kQuiet);
  EXPECT_EQ(context->sessions()->size(), 1u);
  context->sessions()->Drop(*SocketAddress::FromIp("127.0.0.1", 443));
  std::unique_ptr<Transport> transport = connection->Release();

  ManualClock clock;
  EventLoop loop{&clock};
  SlabPool slabs;
  Connection there(&loop, &slabs, std::move(transport), nullptr, Connection::Stage::kEstablished);
  SendAll(peer, server.Ticket());
  EXPECT_EQ(there.Inspect(), Quiet::kQuiet);
  EXPECT_EQ(context->sessions()->size(), 0u) << "they are the first worker's";
  SendAll(peer, server.Data("hello"));
  EXPECT_EQ(there.Inspect(), Quiet::kData);
  there.Close();
}

TEST_F(TlsTransportTest, AtRestItHoldsNoSlab) {
  Accept();
  EXPECT_EQ(slabs.in_use(), 0u);
  Send(client_->Data("hello"));
  EXPECT_EQ(Read(), "hello");
  EXPECT_EQ(Write("world"), FlushStatus::kDone);
  EXPECT_EQ(slabs.in_use(), 0u);
}

TEST_F(TlsTransportTest, HalfARecordDoesNotStopAWrite) {
  Accept();
  const std::string wire = client_->KeyUpdate(/*ask=*/false);
  Send(wire.substr(0, wire.size() - 3));
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(Write("hello"), FlushStatus::kDone);
  EXPECT_EQ(Await(*client_, 5), "hello");
  Send(wire.substr(wire.size() - 3));
  Send(client_->Data("after"));
  EXPECT_EQ(Read(), "after");
}

// A ticket in two records: the library takes the rest of it before it seals anything, so that the
// write waits for reading.
TEST_F(TlsTransportTest, HalfAMessageDoes) {
  const Issued site = SiteFor({"a.test"}), ours = IssuedBy(TestAuthority(), {}, "us");
  TlsSettings settings = UpstreamSettings();
  settings.client_certificate = ours.chain("me.pem");
  settings.client_key = ours.key_file("me.key");
  Connect(ClientWith(settings));
  TlsPeer server({.server = true,
                  .certificate = &site,
                  .asks_for_certificate = true,  // which is then part of the ticket
                  .version = TLS1_3_VERSION,
                  .more = [](SSL_CTX* context) { SSL_CTX_set_max_send_fragment(context, 512); }});
  Shake(server);
  const std::string ticket = server.Ticket();
  const size_t first = 5 + RecordsIn(ticket)[0];
  ASSERT_LT(first, ticket.size());
  Send(ticket.substr(0, first));
  EXPECT_EQ(connection->Inspect(), Quiet::kQuiet);
  EXPECT_EQ(Write("hello"), FlushStatus::kBlocked);
  Send(ticket.substr(first));
  EXPECT_EQ(connection->Flush(), FlushStatus::kDone);
  EXPECT_EQ(Await(server, 5), "hello");
  EXPECT_EQ(connection->Inspect(), Quiet::kQuiet);
}

// Whoever listened goes before it has looked: the kernel resets who waits.
TEST_F(TlsTransportTest, AConnectThatFailsIsNoFailureOfTls) {
  auto listener = Listen(*SocketAddress::FromIp("127.0.0.1", 0), false);
  ASSERT_TRUE(listener.ok());
  bool in_progress = false;
  int error = 0;
  SocketPair pair;
  pair.ours = StartConnect(*LocalAddress(listener->get()), &in_progress, &error);
  ASSERT_TRUE(pair.ours.valid());
  listener->Reset();
  Connect(ClientWith(UpstreamSettings()), std::move(pair));
  ASSERT_TRUE(TurnUntil([&] { return calls > 0; }));
  EXPECT_FALSE(connection->established());
  EXPECT_EQ(connection->error(), ECONNRESET);
  EXPECT_EQ(word(), "");
}

// Both ends are ours.
TEST_F(TlsTransportTest, OurClientSpeaksWithOurServer) {
  TlsServerSettings settings = SiteSettings();
  settings.protocols = {"h2", "http/1.1"};
  TlsSettings upstream = UpstreamSettings();
  upstream.protocols = {"http/1.1"};
  const auto server_context = ServerWith(settings);
  const auto client_context = ClientWith(upstream);
  TlsWorker client;
  for (const bool again : {false, true}) {
    SocketPair sockets = TcpPair();
    SocketPair ours, theirs;
    ours.ours = std::move(sockets.ours);
    theirs.ours = std::move(sockets.theirs);
    Serve(server_context, std::move(ours));
    client.Connect(client_context, std::move(theirs));
    const auto both = [&](const auto& condition) {
      return TurnUntil([&] {
        client.Turn();
        return condition();
      });
    };
    ASSERT_TRUE(both([&] { return connection->established() && client.decided(); }));
    EXPECT_EQ(client.word(), "");
    EXPECT_EQ(client.transport().resumed(), again);
    EXPECT_EQ(client.transport().protocol(), "http/1.1");
    EXPECT_EQ(transport().protocol(), "http/1.1");
    const std::string up = Pattern(500'000, 1), down = Pattern(700'000, 2);
    client.connection->out().Append(up);
    connection->out().Append(down);
    std::string got_up, got_down;
    EXPECT_TRUE(both([&] {
      client.connection->Flush();
      connection->Flush();
      got_up += Read();
      got_down += client.Read();
      return got_up.size() >= up.size() && got_down.size() >= down.size();
    }));
    EXPECT_EQ(got_up, up);
    EXPECT_EQ(got_down, down);
    EXPECT_TRUE(client.transport().Detachable());
    client.connection->Shutdown();
    EXPECT_TRUE(both([&] {
      Read();
      return connection->end() == ConnectionEnd::kEndedInOrder;
    }));
  }
}

// Whatever bytes come, and in whatever pieces: the connection ends or goes on, nothing else.
TEST_F(TlsTransportTest, ChangedBytesDoNoHarm) {
  std::mt19937 random(7);
  const auto below = [&](size_t bound) { return static_cast<size_t>(random() % bound); };
  const auto context = ServerWith(SiteSettings());
  for (int round = 0; round < 200; ++round) {
    Serve(context);
    TlsPeer client({.server_name = "a.test", .version = round % 2 != 0 ? TLS1_2_VERSION : 0});
    size_t until_change = below(700);
    for (int step = 0; step < 12 && connection->error_word() == nullptr; ++step) {
      client.Feed(ReceiveSome(peer));
      std::string wire;
      if (client.Handshake()) {
        client.Read();
        wire = client.Data(Pattern(below(3000) + 1, step));
      } else {
        wire = client.Take();
      }
      if (until_change < wire.size()) {
        switch (below(3)) {
          case 0: wire[until_change] = static_cast<char>(random()); break;
          case 1: wire.erase(until_change, below(50) + 1); break;
          default: wire.insert(until_change, below(50) + 1, static_cast<char>(random()));
        }
        until_change = below(700);
      } else {
        until_change -= wire.size();
      }
      for (size_t at = 0; at < wire.size();) {
        const size_t bytes = std::min(below(2000) + 1, wire.size() - at);
        SendAll(peer, std::string_view(wire).substr(at, bytes));
        at += bytes;
        Turn();
        if (connection->established()) {
          if (connection->Inspect() != Quiet::kQuiet) Read();
          connection->out().Append("answer");
          connection->Flush();
        }
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::pool
