#include "gateway/route/error_page_files.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/config/error_pages.h"
#include "tests/support/temp_dir.h"

namespace holdfast::route {
namespace {

class ErrorPageFilesTest : public testing::Test {
 protected:
  // A listener for each path, which is its page for 404.
  static config::Config WithFiles(const std::vector<std::string>& paths) {
    config::Config config;
    for (const std::string& path : paths) {
      config::Listener& listener = config.listeners.emplace_back();
      listener.name = "l" + std::to_string(config.listeners.size());
      if (path.empty()) continue;
      listener.error_pages.push_back(
          {.first_status = 404, .last_status = 404, .file = path, .body = nullptr});
    }
    return config;
  }

  support::TempDir dir_;
};

TEST_F(ErrorPageFilesTest, ListenersThatNameOneFileShareWhatIsInIt) {
  const std::string path = dir_.Write("a.html", "<p>gone</p>");
  config::Config config = WithFiles({path, "", path});
  ASSERT_TRUE(LoadErrorPages(&config).ok());
  const config::ErrorPage* page = config::FindErrorPage(config.listeners[0], 404);
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(*page->body, "<p>gone</p>");
  EXPECT_EQ(page->body, config.listeners[2].error_pages[0].body);
}

TEST_F(ErrorPageFilesTest, OneMayBeEmptyAndAsLongAsTheLimit) {
  const std::string longest(config::kMaxErrorPageBytes, 'x');
  config::Config config = WithFiles({dir_.Write("a.txt", ""), dir_.Write("b.txt", longest)});
  ASSERT_TRUE(LoadErrorPages(&config).ok());
  EXPECT_EQ(*config.listeners[0].error_pages[0].body, "");
  EXPECT_EQ(*config.listeners[1].error_pages[0].body, longest);
}

TEST_F(ErrorPageFilesTest, EachThatIsWrongIsTold) {
  const std::string missing = dir_.Path("missing.html");
  const std::string large =
      dir_.Write("large.html", std::string(config::kMaxErrorPageBytes + 1, 'x'));
  config::Config config = WithFiles({missing, large});
  const absl::Status status = LoadErrorPages(&config);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(std::string(status.message()),
            "listener l1: " + missing +
                ": cannot be read: No such file or directory\nlistener l2: " + large +
                ": it is larger than 64 KiB");
}

TEST_F(ErrorPageFilesTest, NobodyWaitsForOneThatNobodyWrites) {
  const std::string pipe = dir_.Path("pipe.html");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  config::Config config = WithFiles({pipe});
  EXPECT_EQ(std::string(LoadErrorPages(&config).message()),
            "listener l1: " + pipe + ": it is no regular file");
}

TEST_F(ErrorPageFilesTest, ThatAllOfItIsMissingIsToldApart) {
  config::Config config = WithFiles({dir_.Path("missing.html")});
  EXPECT_TRUE(absl::IsNotFound(LoadErrorPages(&config)));
}

}  // namespace
}  // namespace holdfast::route
