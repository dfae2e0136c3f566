// curl as a client.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

std::vector<std::string> Curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"curl", "--silent", "--show-error", "--max-time", "20"});
  return arguments;
}

// What curl prints; it has to succeed.
std::string RunCurl(const std::vector<std::string>& arguments,
                    const std::string& input = "/dev/null") {
  const Finished finished =
      RunProgram(Curl(arguments), Subprocess::Options{.stdin_path = input}, 2 * kPatience);
  EXPECT_EQ(finished.code, 0) << finished.err;
  return finished.out;
}

// A gateway before an upstream that answers with what it was sent.
struct Echo {
  AutoUpstream upstream{[](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.Method() + " " + request.body)};
  }};
  GatewayProcess gateway{GatewayConfig{.endpoints = {upstream.address()}}};
  std::string url = "http://" + gateway.address() + "/";
};

TEST(CurlTest, OneConnectionIsUsedForAllRequests) {
  Echo echo;
  EXPECT_EQ(RunCurl({"--output", "/dev/null", "--write-out", "%{num_connects}\n", echo.url,
                     "--output", "/dev/null", echo.url, "--output", "/dev/null", echo.url}),
            "1\n0\n0\n");
  EXPECT_EQ(echo.upstream.accepted(), 1);
}

// curl decodes what the gateway has encoded, each way that it knows.
TEST(CurlTest, CompressedBodiesAreWhatTheyWere) {
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += "{\"id\": " + std::to_string(i) + "},\n";
  AutoUpstream upstream{[&](const Message&) {
    return AutoUpstream::Reply{.bytes =
                                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                   "Content-Length: " +
                                   std::to_string(body.size()) + "\r\n\r\n" + body};
  }};
  GatewayProcess gateway{GatewayConfig{.endpoints = {upstream.address()},
                                       .route = "compression: {algorithms: [zstd, br, gzip]}"}};
  const std::string url = "http://" + gateway.address() + "/";
  for (const std::string coding : {"gzip", "br", "zstd"}) {
    const std::string field = "Accept-Encoding: " + coding;
    EXPECT_TRUE(RunCurl({"--compressed", "--header", field, url}) == body) << coding;
    const std::string raw = RunCurl({"--header", field, url});
    EXPECT_LT(raw.size(), body.size() / 3) << coding;
    gateway.AwaitMetricAtLeast("holdfast_compression_output_bytes_total", {{"coding", coding}},
                               2 * static_cast<double>(raw.size()));
  }
  EXPECT_TRUE(RunCurl({url}) == body);
}

TEST(CurlTest, AnUploadOfUnknownLengthIsChunked) {
  Echo echo;
  const TempDir dir;
  const std::string body = Pattern(500'000);
  EXPECT_TRUE(RunCurl({"--upload-file", "-", echo.url}, dir.Write("body", body)) == "PUT " + body);
}

TEST(CurlTest, AFormIsPosted) {
  Echo echo;
  EXPECT_EQ(RunCurl({"--data", "a=b&c=d", echo.url}), "POST a=b&c=d");
}

TEST(CurlTest, Http10) {
  Echo echo;
  EXPECT_EQ(RunCurl({"--http1.0", echo.url}), "GET ");
}

TEST(CurlTest, Head) {
  Echo echo;
  const std::string out = RunCurl({"--head", "http://" + echo.gateway.address() + "/local"});
  EXPECT_NE(out.find("HTTP/1.1 200 OK"), std::string::npos) << out;
  EXPECT_NE(out.find("Content-Length: 5"), std::string::npos) << out;
}

TEST(CurlTest, ALargeDownloadArrives) {
  const std::string body = Pattern(5 << 20);
  AutoUpstream upstream(body);
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  EXPECT_TRUE(RunCurl({"http://" + gateway.address() + "/"}) == body);
}

TEST(CurlTest, ItWaitsForContinueAndGetsIt) {
  ScriptedHop hop;
  const TempDir dir;
  const std::string body = Pattern(100'000);
  Subprocess curl(
      Curl({"--expect100-timeout", "20", "--header", "Expect: 100-continue", "--data-binary",
            "@" + dir.Write("body", body), "http://" + hop.gateway.address() + "/"}));
  UpstreamConnection upstream = hop.upstream.Accept();
  Message request = ReadHead(upstream);
  upstream.ExpectQuiet();
  upstream.Send("HTTP/1.1 100 Continue\r\n\r\n");
  ReadRequestBody(upstream, &request);
  EXPECT_TRUE(request.body == body);
  upstream.Send(OkResponse("thanks"));
  EXPECT_EQ(curl.Wait(), 0) << curl.Stderr();
  EXPECT_EQ(curl.Stdout(), "thanks");
}

TEST(CurlTest, AnErrorInsteadOfContinueEndsTheUpload) {
  ScriptedHop hop;
  const TempDir dir;
  Subprocess curl(Curl({"--expect100-timeout", "20", "--header", "Expect: 100-continue",
                        "--data-binary", "@" + dir.Write("body", Pattern(100'000)), "--write-out",
                        " %{http_code}", "http://" + hop.gateway.address() + "/"}));
  UpstreamConnection upstream = hop.upstream.Accept();
  ReadHead(upstream);
  upstream.Send("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(curl.Wait(), 0) << curl.Stderr();
  EXPECT_EQ(curl.Stdout(), "no 401");
}

TEST(CurlTest, ARefusedUploadIsReadable) {
  AutoUpstream upstream;
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {upstream.address()}, .route = "max_request_body: 1KiB"});
  const TempDir dir;
  EXPECT_EQ(RunCurl({"--header", "Expect:", "--output", "/dev/null", "--write-out", "%{http_code}",
                     "--data-binary", "@" + dir.Write("body", Pattern(2 << 20)),
                     "http://" + gateway.address() + "/"}),
            "413");
}

TEST(CurlTest, UnixSocketsAndIpv6) {
  const TempDir dir;
  for (const std::string& bind : {"unix:" + dir.Path("socket"), std::string("[::1]:0")}) {
    GatewayConfig config;
    config.bind = bind;
    GatewayProcess gateway(config);
    const bool ip = bind.starts_with("[");
    std::vector<std::string> arguments = {
        "http://" + (ip ? gateway.address() : std::string("local")) + "/local"};
    if (!ip) arguments.insert(arguments.begin(), {"--unix-socket", dir.Path("socket")});
    EXPECT_EQ(RunCurl(arguments), "local") << bind;
  }
}

}  // namespace
}  // namespace holdfast::support
