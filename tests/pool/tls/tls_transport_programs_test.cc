#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pool/tls/support/tls_worker.h"
#include "tests/support/deadline.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

// Our transport against programs that other people wrote.

namespace holdfast::pool {
namespace {

using support::Deadline;
using support::Subprocess;
using testing::HasSubstr;

class TlsProgramsTest : public testing::Test, public TlsWorker {
 protected:
  TlsProgramsTest() {
    ca_ = files_.Write("ca.pem", TestAuthority().pem());
    const Issued site = SiteFor({"a.test"});
    chain_ = files_.Write("site.pem", site.pem());
    key_ = files_.Write("site.key", site.key_file().pem);
  }
  // Listens, waits for the program's connection and serves it.
  void ServeOne(const std::shared_ptr<TlsServerContext>& context,
                const std::function<std::vector<std::string>(const std::string& port)>& program) {
    const auto listener = Listen(*SocketAddress::FromIp("127.0.0.1", 0), false);
    ASSERT_TRUE(listener.ok());
    program_ = std::make_unique<Subprocess>(
        program(std::to_string(LocalAddress(listener->get())->port())));
    ASSERT_TRUE(support::AwaitReady(listener->get(), POLLIN, Deadline()));
    SocketPair pair;
    pair.ours =
        FileDescriptor(accept4(listener->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    Serve(context, std::move(pair));
  }
  template <class Condition>
  bool Await(Condition condition) {
    return support::Eventually([&] {
      for (int i = 0; i < 3; ++i) Turn();
      return condition();
    });
  }
  // Echoes what comes until it has seen `last`.
  void Echo(const std::string& last) {
    std::string all;
    EXPECT_TRUE(Await([&] {
      if (!connection->established()) return false;
      const std::string more = Read();
      all += more;
      if (!more.empty()) Write("echo:" + more);
      return all.find(last) != std::string::npos;
    })) << word()
        << program_->Stderr();
  }

  support::TempDir files_;
  std::string ca_, chain_, key_;
  std::unique_ptr<Subprocess> program_;
};

TEST_F(TlsProgramsTest, OpensslSClient) {
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const std::string input = files_.Write("input", "hello from s_client\n");
    ServeOne(ServerWith(SiteSettings()), [&](const std::string& port) {
      return std::vector<std::string>{
          "sh", "-c",
          "(cat " + input + "; sleep 20) | openssl s_client -connect 127.0.0.1:" + port +
              " -servername a.test -verify_hostname a.test -verify_return_error -CAfile " + ca_ +
              " -brief " + version};
    });
    Echo("s_client");
    EXPECT_TRUE(Await([&] {
      return program_->Stdout().find("echo:hello from s_client") != std::string::npos;
    })) << program_->Stderr();
    connection->Shutdown();
    EXPECT_THAT(program_->Stderr(), HasSubstr("Verification: OK"));
    program_.reset();
  }
}

TEST_F(TlsProgramsTest, PythonsClient) {
  const std::string script = files_.Write("client.py", R"(
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
context.set_alpn_protocols(["http/1.1"])
with context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))),
                         server_hostname="a.test", suppress_ragged_eofs=False) as tls:
    body = b"x" * 300000 + b"the end"
    tls.sendall(body)
    got = b""
    while not got.endswith(b"the end"):
        got += tls.recv(65536)
    tls.sendall(b"bye")
    assert tls.recv(10) == b"", "close_notify is no error"
    print(tls.version(), tls.selected_alpn_protocol(), got.replace(b"echo:", b"") == body)
)");
  TlsServerSettings settings = SiteSettings();
  settings.protocols = {"h2", "http/1.1"};
  ServeOne(ServerWith(settings), [&](const std::string& port) {
    return std::vector<std::string>{"python3", script, port, ca_};
  });
  std::string all;
  ASSERT_TRUE(Await([&] {
    if (!connection->established()) return false;
    const std::string more = Read();
    all += more;
    if (!all.ends_with("bye")) connection->out().Append(more);
    connection->Flush();
    return all.ends_with("bye");
  })) << word()
      << program_->Stderr();
  connection->Shutdown();
  EXPECT_TRUE(Await([&] { return program_->Poll().has_value(); }));
  EXPECT_EQ(program_->Stdout(), "TLSv1.3 http/1.1 True\n") << program_->Stderr();
}

TEST_F(TlsProgramsTest, OpensslSServer) {
  Subprocess server({"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", chain_, "-key", key_,
                     "-rev", "-naccept", "1"});
  std::string port;
  ASSERT_TRUE(support::Eventually([&] {
    const std::string out = server.Stdout();
    const size_t at = out.find("ACCEPT 127.0.0.1:");
    if (at == std::string::npos || out.find('\n', at) == std::string::npos) return false;
    port = out.substr(at + 17, out.find('\n', at) - at - 17);
    return true;
  })) << server.Stderr();
  SocketPair pair;
  bool in_progress = false;
  int error = 0;
  pair.ours = StartConnect(*SocketAddress::Parse("127.0.0.1:" + port), &in_progress, &error);
  ASSERT_TRUE(pair.ours.valid());
  Connect(ClientWith(UpstreamSettings()), std::move(pair));
  ASSERT_TRUE(Await([&] { return decided(); }));
  ASSERT_EQ(word(), "");
  EXPECT_EQ(Write("abc\n"), FlushStatus::kDone);
  std::string got;
  EXPECT_TRUE(Await([&] {
    got += Read();
    return got.find('\n') != std::string::npos;
  }));
  EXPECT_EQ(got, "cba\n");
  connection->Shutdown();
  EXPECT_TRUE(Await([&] {
    Read();
    return connection->end() != ConnectionEnd::kOpen;
  }));
  EXPECT_EQ(connection->end(), ConnectionEnd::kEndedInOrder);
}

}  // namespace
}  // namespace holdfast::pool
