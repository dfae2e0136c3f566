#include "gateway/http/persistence.h"

#include <set>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

using P = ClientPersistence;
using Facts = ClientPersistenceFacts;

TEST(ClientPersistence, KeepsUnlessSomethingSpeaksAgainstIt) {
  EXPECT_EQ(DecideClientPersistence({}), P::kKeep);
  EXPECT_EQ(DecideClientPersistence({.client_keep_alive = true}), P::kKeep);
}

// RFC 9112 section 9.3.
TEST(ClientPersistence, Http10IsKeptOnlyWhenAsked) {
  EXPECT_EQ(DecideClientPersistence({.version = Version::kHttp10}), P::kHttp10);
  EXPECT_EQ(DecideClientPersistence({.version = Version::kHttp10, .client_keep_alive = true}),
            P::kKeep);
  EXPECT_EQ(DecideClientPersistence({.client_close = true, .client_keep_alive = true}),
            P::kClientAsked);
}

// From the gravest to the lightest: with all of them set, taking away one after the other shows the
// next.
TEST(ClientPersistence, TheGravestReasonWins) {
  Facts facts{.version = Version::kHttp10,
              .client_close = true,
              .client_keep_alive = false,
              .response_until_close = true,
              .request_finished = false,
              .framing_error = true,
              .switch_refused = true,
              .draining = true,
              .too_old = true,
              .last_request = true};
  EXPECT_EQ(DecideClientPersistence(facts), P::kFramingError);
  facts.framing_error = false;
  EXPECT_EQ(DecideClientPersistence(facts), P::kSwitchRefused);
  facts.switch_refused = false;
  EXPECT_EQ(DecideClientPersistence(facts), P::kResponseUntilClose);
  facts.response_until_close = false;
  EXPECT_EQ(DecideClientPersistence(facts), P::kRequestUnread);
  facts.request_finished = true;
  EXPECT_EQ(DecideClientPersistence(facts), P::kClientAsked);
  facts.client_close = false;
  EXPECT_EQ(DecideClientPersistence(facts), P::kHttp10);
  facts.client_keep_alive = true;
  EXPECT_EQ(DecideClientPersistence(facts), P::kDraining);
  facts.draining = false;
  EXPECT_EQ(DecideClientPersistence(facts), P::kConnectionAge);
  facts.too_old = false;
  EXPECT_EQ(DecideClientPersistence(facts), P::kMaxRequests);
  facts.last_request = false;
  EXPECT_EQ(DecideClientPersistence(facts), P::kKeep);
}

TEST(ClientPersistence, HasANameOfItsOwnForEachValue) {
  std::set<std::string_view> names;
  for (P value :
       {P::kKeep, P::kClientAsked, P::kHttp10, P::kResponseUntilClose, P::kRequestUnread,
        P::kFramingError, P::kSwitchRefused, P::kDraining, P::kConnectionAge, P::kMaxRequests}) {
    EXPECT_TRUE(names.insert(PersistenceName(value)).second) << PersistenceName(value);
  }
}

ResponseHead Response(Version version, BodyKind body) {
  ResponseHead head;
  head.status = 200;
  head.version = version;
  head.body = body;
  return head;
}

TEST(ResponseAllowsReuse, ForHttp11UnlessItSaysClose) {
  for (BodyKind body : {BodyKind::kNone, BodyKind::kLength, BodyKind::kChunked}) {
    ResponseHead head = Response(Version::kHttp11, body);
    EXPECT_TRUE(ResponseAllowsReuse(head));
    head.connection_close = true;
    EXPECT_FALSE(ResponseAllowsReuse(head));
    head.connection_keep_alive = true;
    EXPECT_FALSE(ResponseAllowsReuse(head)) << "close wins";
  }
}

TEST(ResponseAllowsReuse, ForHttp10OnlyWithKeepAlive) {
  ResponseHead head = Response(Version::kHttp10, BodyKind::kLength);
  EXPECT_FALSE(ResponseAllowsReuse(head));
  head.connection_keep_alive = true;
  EXPECT_TRUE(ResponseAllowsReuse(head));
}

TEST(ResponseAllowsReuse, NeverWithoutAnEndOrAfterAnUpgrade) {
  EXPECT_FALSE(ResponseAllowsReuse(Response(Version::kHttp11, BodyKind::kUntilClose)));
  ResponseHead upgraded = Response(Version::kHttp11, BodyKind::kNone);
  upgraded.status = 101;
  EXPECT_FALSE(ResponseAllowsReuse(upgraded));
}

StrayContent Stray(uint16_t status, std::string_view name, std::string_view value) {
  ResponseHead head = Response(Version::kHttp11, BodyKind::kNone);
  head.status = status;
  if (!name.empty()) head.headers.Add({name, value, IdentifyField(name), false});
  return FindStrayContent(head);
}

TEST(FindStrayContent, AnHonestHeadAnnouncesNothing) {
  for (const uint16_t status : {103, 200, 204, 304}) {
    EXPECT_EQ(Stray(status, "Content-Length", "0"), StrayContent::kNone) << status;
    if (status == 200) continue;
    EXPECT_EQ(Stray(status, "", ""), StrayContent::kNone) << status;
    EXPECT_EQ(Stray(status, "Content-Type", "text/plain"), StrayContent::kNone) << status;
  }
}

TEST(FindStrayContent, SomeMayNotAnnounceAny) {
  for (const uint16_t status : {100, 103, 204}) {
    EXPECT_EQ(Stray(status, "Content-Length", "5"), StrayContent::kForbidden) << status;
    EXPECT_EQ(Stray(status, "Transfer-Encoding", "chunked"), StrayContent::kForbidden) << status;
  }
  EXPECT_EQ(Stray(304, "Transfer-Encoding", "chunked"), StrayContent::kForbidden);
}

// 200 without a body answers HEAD.
TEST(FindStrayContent, SomeMay) {
  EXPECT_EQ(Stray(304, "Content-Length", "10"), StrayContent::kPossible);
  EXPECT_EQ(Stray(200, "Content-Length", "10"), StrayContent::kPossible);
  EXPECT_EQ(Stray(200, "Transfer-Encoding", "chunked"), StrayContent::kPossible);
  EXPECT_EQ(Stray(200, "Content-Type", "text/plain"), StrayContent::kPossible);
}

TEST(FindStrayContent, ABodyIsNotStray) {
  ResponseHead head = Response(Version::kHttp11, BodyKind::kLength);
  head.headers.Add({"Content-Length", "5", FieldId::kContentLength, false});
  EXPECT_EQ(FindStrayContent(head), StrayContent::kNone);
}

}  // namespace
}  // namespace holdfast::http
