#include "gateway/server/inheritance.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using ::testing::HasSubstr;

pool::FileDescriptor ListenAt(std::string_view address) {
  absl::StatusOr<pool::FileDescriptor> socket =
      pool::Listen(*pool::SocketAddress::Parse(address), /*reuse_port=*/false);
  EXPECT_TRUE(socket.ok()) << socket.status();
  return socket.ok() ? std::move(*socket) : pool::FileDescriptor();
}

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_NONBLOCK), 0);
    out = pool::FileDescriptor(ends[0]);
    in = pool::FileDescriptor(ends[1]);
  }
  pool::FileDescriptor out;
  pool::FileDescriptor in;
};

// What a process inherits: descriptors that it does not own yet.
class InheritanceTest : public testing::Test {
 protected:
  static bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }
  static bool ClosesOnExec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }
  std::string ErrorOf(const std::string& text) {
    const absl::StatusOr<Inheritance> inheritance = ParseInheritance(text);
    EXPECT_FALSE(inheritance.ok()) << text;
    return std::string(inheritance.status().message());
  }

  Pipe pipe_;
  pool::FileDescriptor first_ = ListenAt("127.0.0.1:0");
  pool::FileDescriptor second_ = ListenAt("127.0.0.1:0");
  pool::FileDescriptor status_ = ListenAt("127.0.0.1:0");
};

TEST_F(InheritanceTest, WhatIsFormattedIsParsed) {
  const std::string odd = "a b;c=%41:,\n\xff unix:/run/x y.sock";
  const Legacy legacy{.listeners = {{"edge :8080", {first_.get()}}, {odd, {second_.get()}}},
                      .status = status_.get()};
  const std::string text = FormatInheritance(legacy, pipe_.in.get());
  fcntl(first_.get(), F_SETFD, 0);
  absl::StatusOr<Inheritance> inheritance = ParseInheritance(text);
  ASSERT_TRUE(inheritance.ok()) << inheritance.status();
  EXPECT_EQ(inheritance->ready, pipe_.in.Release());
  EXPECT_EQ(inheritance->status.get(), status_.Release());
  ASSERT_EQ(inheritance->listeners.size(), 2u);
  EXPECT_EQ(inheritance->listeners["edge :8080"][0].get(), first_.get());
  EXPECT_EQ(inheritance->listeners[odd][0].get(), second_.Release());
  EXPECT_TRUE(ClosesOnExec(first_.Release()));
  inheritance->TellReady();
}

TEST_F(InheritanceTest, TheFormatIsOfPlainWords) {
  const Legacy legacy{.listeners = {{"edge :80", {7, 8}}}, .status = 6};
  EXPECT_EQ(FormatInheritance(legacy, 5), "ready:5 status:6 listener:edge%20%3A80:7,8");
  EXPECT_EQ(FormatInheritance({}, 5), "ready:5");
}

TEST_F(InheritanceTest, WhatCannotBeReadIsAnError) {
  const std::string ready = "ready:" + std::to_string(pipe_.in.get());
  const std::string socket = std::to_string(first_.get());
  for (const std::string& text :
       {std::string(), std::string("ready"), std::string("ready:x"), ready + " ",
        ready + " status:", ready + " listener:a", ready + " listener:a:", ready + " other:1",
        ready + " listener:a:" + socket + ",", ready + " listener:a:-1",
        ready + " listener:a:b:" + socket}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("cannot read")) << text;
  }
}

TEST_F(InheritanceTest, DescriptorsOfTheWrongKindAreAnErrorAndStayOpen) {
  const std::string ready = "ready:" + std::to_string(pipe_.in.get());
  EXPECT_THAT(ErrorOf(ready + " status:" + std::to_string(pipe_.out.get())),
              HasSubstr("no listening socket"));
  EXPECT_THAT(ErrorOf(ready + " listener:a:" + std::to_string(first_.get()) + ",100000"),
              HasSubstr("descriptor 100000 is no listening socket"));
  EXPECT_THAT(ErrorOf("ready:100000"), HasSubstr("descriptor 100000 is not open"));
  EXPECT_THAT(ErrorOf("status:" + std::to_string(status_.get())), HasSubstr("is not open"));
  const std::string same = std::to_string(first_.get());
  EXPECT_THAT(ErrorOf(ready + " status:" + same + " listener:a:" + same), HasSubstr("twice"));
  EXPECT_TRUE(IsOpen(pipe_.in.get()));
  EXPECT_TRUE(IsOpen(first_.get()));
}

TEST_F(InheritanceTest, ItIsTakenOutOfTheEnvironment) {
  const Legacy legacy{.status = status_.get()};
  setenv(Inheritance::kVariable, FormatInheritance(legacy, pipe_.in.get()).c_str(), 1);
  absl::StatusOr<Inheritance> inheritance = TakeInheritance();
  ASSERT_TRUE(inheritance.ok()) << inheritance.status();
  EXPECT_EQ(inheritance->status.get(), status_.Release());
  EXPECT_EQ(inheritance->ready, pipe_.in.Release());
  EXPECT_EQ(getenv(Inheritance::kVariable), nullptr);
  inheritance->TellReady();
}

TEST_F(InheritanceTest, TheFileOfTicketsComesInAVariableOfItsOwn) {
  const auto take = [&](int number) {
    Pipe pipe;
    setenv(Inheritance::kVariable, FormatInheritance({}, pipe.in.Release()).c_str(), 1);
    setenv(Inheritance::kTicketsVariable, std::to_string(number).c_str(), 1);
    absl::StatusOr<Inheritance> inheritance = TakeInheritance();
    EXPECT_TRUE(inheritance.ok()) << inheritance.status();
    EXPECT_EQ(getenv(Inheritance::kTicketsVariable), nullptr);
    inheritance->TellReady();
    return std::move(inheritance->tickets);
  };
  const int file = memfd_create("tickets", 0);
  const pool::FileDescriptor taken = take(file);
  EXPECT_EQ(taken.get(), file);
  EXPECT_TRUE(ClosesOnExec(file));
  EXPECT_FALSE(take(first_.get()).valid()) << "no file in memory";
  EXPECT_TRUE(IsOpen(first_.get()));
  EXPECT_FALSE(take(100000).valid());
}

TEST_F(InheritanceTest, WithoutTheVariableThereIsNone) {
  unsetenv(Inheritance::kVariable);
  const absl::StatusOr<Inheritance> inheritance = TakeInheritance();
  ASSERT_TRUE(inheritance.ok());
  EXPECT_TRUE(inheritance->empty());
}

TEST_F(InheritanceTest, AVariableThatIsWrongIsNamed) {
  setenv(Inheritance::kVariable, "rubbish", 1);
  const absl::StatusOr<Inheritance> inheritance = TakeInheritance();
  unsetenv(Inheritance::kVariable);
  EXPECT_THAT(std::string(inheritance.status().message()),
              ::testing::StartsWith("HOLDFAST_INHERIT: cannot read \"rubbish\""));
}

TEST_F(InheritanceTest, AListenerIsFoundByItsKeyOrElseByItsAddress) {
  const pool::SocketAddress first = *pool::LocalAddress(first_.get());
  const pool::SocketAddress second = *pool::LocalAddress(second_.get());
  Inheritance inheritance;
  inheritance.listeners["a"].push_back(std::move(first_));
  inheritance.listeners["b"].push_back(std::move(second_));
  const pool::SocketAddress any = *pool::SocketAddress::Parse("127.0.0.1:0");
  EXPECT_TRUE(inheritance.TakeListener("c", any).empty());
  const std::vector<pool::FileDescriptor> renamed = inheritance.TakeListener("c", second);
  ASSERT_EQ(renamed.size(), 1u);
  EXPECT_EQ(*pool::LocalAddress(renamed[0].get()), second);
  EXPECT_TRUE(inheritance.TakeListener("b", second).empty());
  const std::vector<pool::FileDescriptor> known = inheritance.TakeListener("a", any);
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(*pool::LocalAddress(known[0].get()), first);
  EXPECT_TRUE(inheritance.listeners.empty());
}

TEST_F(InheritanceTest, TheStatusSocketIsTakenIfItsAddressIsWanted) {
  const pool::SocketAddress address = *pool::LocalAddress(status_.get());
  Inheritance inheritance;
  inheritance.status = std::move(status_);
  EXPECT_FALSE(inheritance.TakeStatus(*pool::LocalAddress(first_.get())).valid());
  EXPECT_FALSE(inheritance.TakeStatus(*pool::SocketAddress::Parse("127.0.0.2:0")).valid());
  pool::FileDescriptor taken = inheritance.TakeStatus(address);
  EXPECT_TRUE(taken.valid());
  EXPECT_FALSE(inheritance.TakeStatus(address).valid());
  inheritance.status = std::move(taken);
  EXPECT_TRUE(inheritance.TakeStatus(*pool::SocketAddress::Parse("127.0.0.1:0")).valid());
}

TEST_F(InheritanceTest, ReadyIsToldOnce) {
  Inheritance inheritance;
  inheritance.ready = pipe_.in.Release();
  inheritance.TellReady();
  EXPECT_TRUE(inheritance.empty());
  inheritance.TellReady();
  char bytes[2];
  EXPECT_EQ(read(pipe_.out.get(), bytes, 2), 1);
  EXPECT_EQ(read(pipe_.out.get(), bytes, 2), 0);
}

}  // namespace
}  // namespace holdfast::server
