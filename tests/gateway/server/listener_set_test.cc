#include "gateway/server/listener_set.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Two descriptors of one socket.
bool SameSocket(int a, int b) {
  struct stat first;
  struct stat second;
  EXPECT_EQ(fstat(a, &first), 0);
  EXPECT_EQ(fstat(b, &second), 0);
  return first.st_ino == second.st_ino;
}

class ListenerSetTest : public testing::Test {
 protected:
  static constexpr size_t kWorkers = 2;

  static config::Config ConfigOf(const std::vector<std::pair<std::string, std::string>>& binds) {
    config::Config config;
    for (const auto& [name, bind] : binds) {
      config::Listener listener;
      listener.name = name;
      listener.bind = *config::ParseBind(bind);
      config.listeners.push_back(std::move(listener));
    }
    return config;
  }

  BoundListeners BindNew(const config::Config& config) {
    absl::StatusOr<BoundListeners> bound = set_.BindNew(config, kWorkers);
    EXPECT_TRUE(bound.ok()) << bound.status();
    return bound.ok() ? std::move(*bound) : BoundListeners();
  }
  // Returns the sockets that the workers would have.
  BoundListeners Adopt(const config::Config& config, uint64_t publication = 1) {
    BoundListeners bound = BindNew(config);
    set_.Adopt(config, &bound, publication);
    return bound;
  }
  std::string UnixBind(const char* name) const { return "unix:" + dir_.Path(name); }

  support::TempDir dir_;
  ListenerSet set_{Inheritance()};
};

TEST_F(ListenerSetTest, EachWorkerHasASocketAndTheSetACopyOfEach) {
  const BoundListeners bound = Adopt(ConfigOf({{"edge", "127.0.0.1:0"}}));
  ASSERT_THAT(bound, SizeIs(1));
  const std::vector<pool::FileDescriptor>& sockets = bound.at("edge 127.0.0.1:0").sockets;
  const std::map<std::string, std::vector<int>> copies = set_.Descriptors();
  ASSERT_THAT(copies, SizeIs(1));
  ASSERT_THAT(copies.at("edge 127.0.0.1:0"), SizeIs(kWorkers));
  ASSERT_THAT(sockets, SizeIs(kWorkers));
  for (size_t i = 0; i < kWorkers; ++i) {
    EXPECT_TRUE(SameSocket(copies.at("edge 127.0.0.1:0")[i], sockets[i].get()));
  }
  EXPECT_EQ(set_.addresses().at("edge"), bound.at("edge 127.0.0.1:0").address.ToString());
}

TEST_F(ListenerSetTest, WhatIsThereAlreadyIsNotBoundAgain) {
  const config::Config config = ConfigOf({{"edge", UnixBind("edge")}});
  const BoundListeners first = Adopt(config);
  EXPECT_THAT(BindNew(config), SizeIs(0));
  EXPECT_THAT(BindNew(ConfigOf({{"edge", UnixBind("edge")}, {"b", UnixBind("b")}})), SizeIs(1));
}

TEST_F(ListenerSetTest, AListenerThatIsRenamedKeepsItsSockets) {
  const BoundListeners before = Adopt(ConfigOf({{"edge", UnixBind("edge")}}));
  const BoundListeners after = Adopt(ConfigOf({{"front", UnixBind("edge")}}), 2);
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_TRUE(SameSocket(after.begin()->second.sockets.front().get(),
                         before.begin()->second.sockets.front().get()));
}

// Two listeners with port 0 are different ones, whatever their addresses look like.
TEST_F(ListenerSetTest, AFreePortIsNobodysToKeep) {
  const BoundListeners before = Adopt(ConfigOf({{"edge", "127.0.0.1:0"}}));
  const BoundListeners after = BindNew(ConfigOf({{"front", "127.0.0.1:0"}}));
  EXPECT_NE(after.begin()->second.address, before.begin()->second.address);
}

TEST_F(ListenerSetTest, WhoComesBackBeforeTheWorkersHaveClosedItHasItsSockets) {
  const config::Config edge = ConfigOf({{"edge", UnixBind("edge")}});
  const BoundListeners before = Adopt(edge, 1);
  Adopt(ConfigOf({{"other", UnixBind("other")}}), 2);
  EXPECT_THAT(set_.Descriptors(), SizeIs(1));
  set_.OnAdopted(1);  // An earlier publication's word says nothing of this one.
  const BoundListeners back = BindNew(edge);
  ASSERT_THAT(back, SizeIs(1));
  EXPECT_TRUE(SameSocket(back.begin()->second.sockets.front().get(),
                         before.begin()->second.sockets.front().get()));
}

TEST_F(ListenerSetTest, OnceTheWorkersHaveClosedItItIsBoundAnew) {
  const config::Config edge = ConfigOf({{"edge", UnixBind("edge")}});
  {
    BoundListeners before = Adopt(edge, 1);
    Adopt(ConfigOf({{"other", UnixBind("other")}}), 2);
  }
  set_.OnAdopted(2);
  ASSERT_EQ(unlink(dir_.Path("edge").c_str()), 0);
  BindNew(edge);
  EXPECT_EQ(access(dir_.Path("edge").c_str(), F_OK), 0) << "bound anew";
}

TEST_F(ListenerSetTest, AFailureNamesTheListenerAndKeepsWhatThereIs) {
  Adopt(ConfigOf({{"edge", UnixBind("edge")}}));
  const absl::StatusOr<BoundListeners> bound = set_.BindNew(
      ConfigOf({{"new", UnixBind("new")}, {"bad", UnixBind("no/such/folder")}}), kWorkers);
  EXPECT_THAT(std::string(bound.status().message()), HasSubstr("listener bad"));
  EXPECT_THAT(set_.Descriptors(), SizeIs(1));
  EXPECT_THAT(BindNew(ConfigOf({{"edge", UnixBind("edge")}})), SizeIs(0));
}

TEST_F(ListenerSetTest, InheritedSocketsAreTakenByNameOrByAddress) {
  Inheritance inheritance;
  for (const char* key : {"edge 127.0.0.1:0", "old unix"}) {
    const std::string bind = key[0] == 'e' ? "127.0.0.1:0" : UnixBind("old");
    inheritance.listeners[key].push_back(
        *pool::Listen(config::ParseBind(bind)->address, /*reuse_port=*/bind[0] == '1'));
  }
  const int edge = inheritance.listeners["edge 127.0.0.1:0"].front().get();
  const int old = inheritance.listeners["old unix"].front().get();
  ListenerSet set(std::move(inheritance));
  const config::Config config = ConfigOf({{"edge", "127.0.0.1:0"}, {"renamed", UnixBind("old")}});
  absl::StatusOr<BoundListeners> bound = set.BindNew(config, kWorkers);
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_EQ(bound->at("edge 127.0.0.1:0").sockets.front().get(), edge);
  EXPECT_EQ(bound->at("renamed " + UnixBind("old")).sockets.front().get(), old);
}

TEST_F(ListenerSetTest, WhatIsInheritedAndNotWantedIsClosed) {
  Inheritance inheritance;
  inheritance.listeners["gone"].push_back(
      *pool::Listen(config::ParseBind(UnixBind("gone"))->address, false));
  const int gone = inheritance.listeners["gone"].front().get();
  ListenerSet set(std::move(inheritance));
  set.DropInheritance();
  sockaddr_storage address;
  socklen_t length = sizeof(address);
  EXPECT_NE(getsockname(gone, reinterpret_cast<sockaddr*>(&address), &length), 0);
}

TEST_F(ListenerSetTest, WhoTakesAnothersPlaceTellsItWhenItIsReady) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pool::FileDescriptor out(ends[0]);
  Inheritance inheritance;
  inheritance.ready = ends[1];
  ListenerSet set(std::move(inheritance));
  EXPECT_TRUE(set.inherits());
  EXPECT_FALSE(set_.inherits());
  set.TellReady();
  char byte = 0;
  EXPECT_EQ(read(out.get(), &byte, 1), 1);
}

TEST_F(ListenerSetTest, TheStatusPortIsBoundInheritedOrOff) {
  config::Config config;
  config.status.reset();
  absl::StatusOr<pool::FileDescriptor> socket = set_.BindStatus(config);
  ASSERT_TRUE(socket.ok());
  EXPECT_FALSE(socket->valid());
  config.status = *config::ParseBind("127.0.0.1:0");
  socket = set_.BindStatus(config);
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_TRUE(socket->valid());

  Inheritance inheritance;
  inheritance.status = std::move(*socket);
  const int inherited = inheritance.status.get();
  ListenerSet set(std::move(inheritance));
  socket = set.BindStatus(config);
  ASSERT_TRUE(socket.ok());
  EXPECT_EQ(socket->get(), inherited);
}

TEST_F(ListenerSetTest, AStatusPortThatCannotBeBoundIsNamed) {
  config::Config config;
  config.status = *config::ParseBind(UnixBind("no/such/folder"));
  EXPECT_THAT(std::string(set_.BindStatus(config).status().message()), HasSubstr("status: "));
}

// The port is one of ours, so another process is not feared behind it.
TEST_F(ListenerSetTest, StatusMayShareAListenersPortOnAnotherAddress) {
  const BoundListeners bound = Adopt(ConfigOf({{"edge", "0.0.0.0:0"}}));
  const uint16_t port = bound.begin()->second.address.port();
  config::Config config;
  config.status = *config::ParseBind("127.0.0.1:" + std::to_string(port));
  const absl::StatusOr<pool::FileDescriptor> socket = set_.BindStatus(config);
  EXPECT_TRUE(socket.ok()) << socket.status();
}

TEST_F(ListenerSetTest, CloseClosesTheCopies) {
  const BoundListeners bound = Adopt(ConfigOf({{"edge", "127.0.0.1:0"}}));
  const int copy = set_.Descriptors().begin()->second.front();
  set_.Close();
  EXPECT_THAT(set_.Descriptors(), SizeIs(0));
  struct stat file;
  EXPECT_NE(fstat(copy, &file), 0);
}

}  // namespace
}  // namespace holdfast::server
