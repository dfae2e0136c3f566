#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

TEST(ScriptedUpstreamTest, TheTestAnswersInBetween) {
  ScriptedUpstream upstream;
  upstream.ExpectNoConnection();
  RawClient client(upstream.address());
  client.Send(GetRequest("/x"));
  UpstreamConnection connection = upstream.Accept();
  EXPECT_EQ(connection.Answer(OkResponse("fine")).Target(), "/x");
  EXPECT_EQ(client.Response().body, "fine");
}

TEST(AutoUpstreamTest, AnswersKeptConnectionsByItself) {
  AutoUpstream upstream("hello");
  RawClient client(upstream.address());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/").body, "hello");
  EXPECT_EQ(upstream.accepted(), 1);
  EXPECT_EQ(upstream.requests(), 3);
}

TEST(AutoUpstreamTest, TheHandlerDecidesWhatIsSentAndWhetherToClose) {
  AutoUpstream upstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.Target()), .close = true};
  });
  RawClient client(upstream.address());
  EXPECT_EQ(client.Get("/path").body, "/path");
  client.ExpectClosed();
}

TEST(AutoUpstreamTest, ServesManyAtOnce) {
  AutoUpstream upstream("x");
  std::vector<RawClient> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(upstream.address());
  for (RawClient& client : clients) client.Send(GetRequest("/"));
  for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200);
  EXPECT_EQ(upstream.accepted(), 20);
}

}  // namespace
}  // namespace holdfast::support
