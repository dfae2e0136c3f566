#include "gateway/http/message.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(Method, HasANameForEachValueAndBack) {
  for (Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut, Method::kDelete,
                        Method::kConnect, Method::kOptions, Method::kTrace, Method::kPatch}) {
    EXPECT_EQ(IdentifyMethod(MethodName(method)), method);
  }
  EXPECT_EQ(MethodName(Method::kOther), "OTHER");
}

// RFC 9110 section 9.1: methods are case-sensitive.
TEST(Method, IsOtherForAnyOtherToken) {
  for (std::string_view text : {"get", "Get", "GETT", "GE", "PROPFIND", "PURGE", "OTHER", ""}) {
    EXPECT_EQ(IdentifyMethod(text), Method::kOther) << text;
  }
}

// RFC 9110 section 9.2.2.
TEST(Method, IsIdempotentWhereTheStandardSaysSo) {
  for (Method method : {Method::kGet, Method::kHead, Method::kPut, Method::kDelete,
                        Method::kOptions, Method::kTrace}) {
    EXPECT_TRUE(IsIdempotent(method)) << MethodName(method);
  }
  for (Method method : {Method::kPost, Method::kConnect, Method::kPatch, Method::kOther}) {
    EXPECT_FALSE(IsIdempotent(method)) << MethodName(method);
  }
}

TEST(RequestHead, ClearForgetsEverythingButTheListsMemory) {
  RequestHead head;
  head.method = Method::kPost;
  head.form = TargetForm::kAbsolute;
  head.body = BodyKind::kLength;
  head.content_length = 7;
  head.connection_close = head.expect_continue = head.expect_unknown = head.has_query = true;
  head.host = head.authority = head.path = head.query = "x";
  head.headers.Add({"A", "b"});
  const HeaderField* memory = head.headers.fields().data();

  head.Clear();

  EXPECT_EQ(head.method, Method::kGet);
  EXPECT_EQ(head.form, TargetForm::kOrigin);
  EXPECT_EQ(head.body, BodyKind::kNone);
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_FALSE(head.connection_close || head.expect_continue || head.expect_unknown ||
               head.has_query);
  EXPECT_TRUE(head.host.empty() && head.authority.empty() && head.path.empty() &&
              head.query.empty());
  EXPECT_EQ(head.headers.size(), 0u);
  head.headers.Add({"A", "b"});
  EXPECT_EQ(head.headers.fields().data(), memory);
}

TEST(ResponseHead, ClearForgetsEverything) {
  ResponseHead head;
  head.status = 204;
  head.has_content_length = head.connection_upgrade = true;
  head.headers.Add({"A", "b"});
  head.Clear();
  EXPECT_EQ(head.status, 0);
  EXPECT_FALSE(head.has_content_length || head.connection_upgrade);
  EXPECT_EQ(head.headers.size(), 0u);
}

TEST(ResponseHead, IsInformationalFrom100To199) {
  ResponseHead head;
  for (auto [status, expected] : {std::pair{100, true}, {199, true}, {200, false}, {999, false}}) {
    head.status = static_cast<uint16_t>(status);
    EXPECT_EQ(head.informational(), expected) << status;
  }
}

}  // namespace
}  // namespace holdfast::http
