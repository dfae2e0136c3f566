#include "gateway/proxy/local_reply.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

using http::BodyKind;

std::string_view Field(const http::ResponseHead& head, std::string_view name) {
  const http::HeaderField* field = head.headers.FindByName(name);
  return field != nullptr ? field->value : "(none)";
}

TEST(LocalReplyTest, EveryStatusThatTheGatewayMakesHasAPhrase) {
  for (int i = 0; i < kFailures; ++i) {
    const int status = FailureStatus(static_cast<Failure>(i));
    EXPECT_EQ(ReasonPhrase(status).empty(), status == 0) << status;
  }
  for (size_t i = 1; i < http::kRefusalCount; ++i) {
    const int status = http::RefusalStatus(static_cast<http::Refusal>(i));
    EXPECT_NE(ReasonPhrase(status), "") << status;
  }
  EXPECT_EQ(ReasonPhrase(299), "") << "unregistered";
}

TEST(LocalReplyTest, AnErrorNamesItselfInPlainText) {
  LocalReply reply;
  FillErrorReply(Failure::kUpstreamClosed, "", &reply);
  EXPECT_EQ(reply.head.status, 502);
  EXPECT_EQ(reply.head.reason, "Bad Gateway");
  EXPECT_EQ(reply.body, "502 Bad Gateway\nreason: upstream_closed\n");
  EXPECT_EQ(reply.head.body, BodyKind::kLength);
  EXPECT_EQ(reply.head.content_length, reply.body.size());
  EXPECT_EQ(Field(reply.head, "content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(Field(reply.head, "x-content-type-options"), "nosniff");
  EXPECT_EQ(Field(reply.head, "cache-control"), "no-store");
  EXPECT_EQ(Field(reply.head, "retry-after"), "(none)");
}

TEST(LocalReplyTest, FieldNamesAreSpeltAsTheSerializersAre) {
  const auto expect_title_case = [](const LocalReply& reply) {
    for (const http::HeaderField& field : reply.head.headers.fields()) {
      EXPECT_TRUE(field.name[0] >= 'A' && field.name[0] <= 'Z') << field.name;
    }
  };
  LocalReply reply;
  FillErrorReply(Failure::kQueueFull, "", &reply);
  expect_title_case(reply);
  FillMethodNotAllowedReply(config::MethodSet(), &reply);
  expect_title_case(reply);
  FillOptionsReply(config::MethodSet(), &reply);
  expect_title_case(reply);
}

TEST(LocalReplyTest, TheDetailIsALineOfItsOwn) {
  LocalReply reply;
  FillErrorReply(Failure::kQueueFull, "Too many wait.", &reply);
  EXPECT_EQ(reply.body, "503 Service Unavailable\nreason: queue_full\ndetail: Too many wait.\n");
  EXPECT_EQ(Field(reply.head, "retry-after"), "1") << "with every 503";
}

TEST(LocalReplyTest, EveryShedRequestIsToldWhenToComeBack) {
  for (const Failure failure : {Failure::kQueueFull, Failure::kQueueTimeout, Failure::kBreakerOpen,
                                Failure::kNoEndpoint, Failure::kNoDescriptors}) {
    LocalReply reply;
    FillErrorReply(failure, "", &reply);
    EXPECT_EQ(Field(reply.head, "retry-after"), "1") << FailureName(failure);
  }
}

TEST(LocalReplyTest, OptionsAreThoseOfTheRoute) {
  LocalReply reply;
  FillOptionsReply({}, &reply);
  EXPECT_EQ(reply.head.status, 200);
  EXPECT_EQ(Field(reply.head, "allow"), "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH");
  EXPECT_EQ(reply.head.body, BodyKind::kLength);
  EXPECT_EQ(reply.head.content_length, 0u);
  config::MethodSet some;
  some.Add(http::Method::kGet);
  some.Add(http::Method::kOptions);
  FillOptionsReply(some, &reply);
  EXPECT_EQ(Field(reply.head, "allow"), "GET, OPTIONS");
}

TEST(LocalReplyTest, ARefusalSaysWhichRuleWasBroken) {
  LocalReply reply;
  FillRefusalReply(http::Refusal::kObsFold, &reply);
  EXPECT_EQ(reply.head.status, 400);
  EXPECT_EQ(reply.body, "400 Bad Request\nreason: refused_framing\ndetail: " +
                            RefusalDetail(http::Refusal::kObsFold) + "\n");
  FillRefusalReply(http::Refusal::kUriTooLong, &reply);
  EXPECT_EQ(reply.head.status, 414);
  EXPECT_TRUE(
      reply.body.starts_with("414 URI Too Long\nreason: refused_framing\ndetail: uri_too_long: "))
      << reply.body;
}

TEST(LocalReplyTest, NoRouteSaysWhatWasLookedUp) {
  http::RequestHead request;
  request.host = "a.example.com";
  request.path = "/v1/x";
  LocalReply reply;
  FillNoRouteReply(request, &reply);
  EXPECT_EQ(reply.head.status, 404);
  EXPECT_EQ(reply.body,
            "404 Not Found\nreason: no_route\n"
            "detail: No route matches host \"a.example.com\" and path \"/v1/x\".\n");
}

TEST(LocalReplyTest, WhatIsQuotedIsShortened) {
  const std::string path(5000, 'p');
  http::RequestHead request;
  request.path = path;
  LocalReply reply;
  FillNoRouteReply(request, &reply);
  EXPECT_LT(reply.body.size(), 600u);
  EXPECT_NE(reply.body.find("ppp...\""), std::string::npos);
}

TEST(LocalReplyTest, AMethodThatIsNotAllowedGetsTheOnesThatAre) {
  config::MethodSet allowed;
  allowed.Add(http::Method::kGet);
  allowed.Add(http::Method::kHead);
  LocalReply reply;
  FillMethodNotAllowedReply(allowed, &reply);
  EXPECT_EQ(reply.head.status, 405);
  EXPECT_EQ(Field(reply.head, "allow"), "GET, HEAD");
  EXPECT_EQ(reply.body,
            "405 Method Not Allowed\nreason: method_not_allowed\n"
            "detail: The allowed methods are: GET, HEAD.\n");
}

TEST(LocalReplyTest, ARedirectHasALocationAndNoBody) {
  config::Route route;
  route.action = config::Action::kRedirect;
  route.redirect = {.status = 308, .to = "/new/"};
  route.match.path = "/old/";
  http::RequestHead request;
  request.path = "/old/page";
  request.query = "a=b";
  request.has_query = true;
  LocalReply reply;
  FillRedirectReply(route, request, &reply);
  EXPECT_EQ(reply.head.status, 308);
  EXPECT_EQ(Field(reply.head, "location"), "/new/page?a=b");
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(reply.head.body, BodyKind::kLength);
  EXPECT_EQ(reply.head.content_length, 0u);
}

TEST(LocalReplyTest, AReplyIsFilledAnew) {
  LocalReply reply;
  config::MethodSet allowed;
  allowed.Add(http::Method::kPut);
  FillMethodNotAllowedReply(allowed, &reply);
  FillErrorReply(Failure::kQueueFull, "", &reply);
  EXPECT_EQ(Field(reply.head, "allow"), "(none)");
  EXPECT_EQ(reply.head.status, 503);
  EXPECT_EQ(reply.head.content_length, reply.body.size());
}

TEST(LocalReplyTest, AConfiguredAnswerKeepsItsFields) {
  config::Respond respond{.status = 200, .body = "hello\n", .headers = {{"x-a", "1"}}};
  http::ResponseHead head;
  FillRespondHead(respond, &head);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.reason, "OK");
  EXPECT_EQ(head.content_length, 6u);
  EXPECT_EQ(Field(head, "x-a"), "1");
}

// RFC 9110 sections 15.3.5 and 15.4.5: neither has a body, nor a length of one. A 205 says that it
// has none (section 15.3.6).
TEST(LocalReplyTest, AnAnswerWithoutContentIsFramedAsItsStatusAsks) {
  http::ResponseHead head;
  for (const uint16_t status : {204, 304}) {
    FillRespondHead({.status = status}, &head);
    EXPECT_EQ(head.body, BodyKind::kNone) << status;
    EXPECT_FALSE(head.has_content_length) << status;
  }
  FillRespondHead({.status = 205}, &head);
  EXPECT_EQ(head.body, BodyKind::kLength);
  EXPECT_EQ(head.content_length, 0u);
}

TEST(LocalReplyTest, ErrorsForClientsOfGrpcAreHeads) {
  LocalReply reply;
  FillErrorReply(Failure::kQueueFull, "Too many wait: 100%.", &reply);
  TurnIntoGrpc(GrpcStatusOf(Failure::kQueueFull, 503), &reply);
  EXPECT_EQ(reply.head.status, 200);
  EXPECT_EQ(reply.head.content_length, 0u);
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(reply.head.headers.FindByName("content-type")->value, "application/grpc");
  EXPECT_EQ(reply.head.headers.FindByName("grpc-status")->value, "14");
  EXPECT_EQ(reply.head.headers.FindByName("grpc-message")->value,
            "queue_full: Too many wait: 100%25.");
  FillErrorReply(Failure::kTotalTimeout, "", &reply);
  TurnIntoGrpc(GrpcStatusOf(Failure::kTotalTimeout, 504), &reply);
  EXPECT_EQ(reply.head.headers.FindByName("grpc-message")->value, "total_timeout");
}

TEST(LocalReplyTest, HowCallsOfGrpcEnd) {
  for (const Failure late : {Failure::kFirstByteTimeout, Failure::kStallTimeout,
                             Failure::kTotalTimeout, Failure::kClientBodyTimeout}) {
    EXPECT_EQ(GrpcStatusOf(late, FailureStatus(late)), grpc::Status::kDeadlineExceeded);
  }
  for (const Failure away : {Failure::kConnectTimeout, Failure::kConnectRefused,
                             Failure::kQueueTimeout, Failure::kUpstreamReset}) {
    EXPECT_EQ(GrpcStatusOf(away, FailureStatus(away)), grpc::Status::kUnavailable);
  }
  EXPECT_EQ(GrpcStatusOf(Failure::kNoRoute, 404), grpc::Status::kUnimplemented);
  EXPECT_EQ(GrpcStatusOf(Failure::kBodyTooLarge, 413), grpc::Status::kResourceExhausted);
  EXPECT_EQ(GrpcStatusOf(Failure::kClientCertificateRequired, 403),
            grpc::Status::kPermissionDenied);
}

}  // namespace
}  // namespace holdfast::proxy
