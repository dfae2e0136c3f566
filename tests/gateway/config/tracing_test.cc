#include "gateway/config/tracing.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(TracingTest, ACollectorsUrlHasAPath) {
  for (const char* url :
       {"http://127.0.0.1:4318/v1/traces", "http://collector/v1/traces?tenant=a",
        "http://[::1]:4318/v1/traces", "http://a:/x", "https://a/x", "https://a:4318/x"}) {
    EXPECT_TRUE(IsCollectorUrl(url)) << url;
  }
}

TEST(TracingTest, NothingElseIsOne) {
  for (const std::string& text : {std::string(),
                                  std::string("http://"),
                                  std::string("http:///v1/traces"),
                                  std::string("http://a"),
                                  std::string("http://a/"),
                                  std::string("http://a/?x"),
                                  std::string("https://a?x"),
                                  std::string("a:4318/v1/traces"),
                                  std::string("grpc://a/x"),
                                  std::string("http://a:0/x"),
                                  std::string("http://a:99999/x"),
                                  std::string("http://a:b/x"),
                                  std::string("http://a/x y"),
                                  std::string("http://a/x\r\ny: z"),
                                  std::string("http://a/x#y"),
                                  std::string("http://u@a/x"),
                                  std::string("http://a,b/x"),
                                  std::string("http://a/\xc3\xa4"),
                                  std::string("HTTP://a/x"),
                                  "http://a/" + std::string(5000, 'x')}) {
    EXPECT_FALSE(IsCollectorUrl(text)) << text;
  }
}

TEST(TracingTest, ExportRequestsHaveSomeFieldsByThemselves) {
  for (const char* name : {"authorization", "X-Scope-OrgID", "api-key"}) {
    EXPECT_TRUE(IsExportField(name)) << name;
  }
  for (const char* name : {"host", "Content-Type", "content-length", "Transfer-Encoding",
                           "User-Agent", "connection", "content_type", "a b", ""}) {
    EXPECT_FALSE(IsExportField(name)) << name;
  }
}

}  // namespace
}  // namespace holdfast::config
