#include "pool/tls/public_key.h"

#include <string>
#include <utility>

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "tests/pool/tls/support/test_key_pair.h"

namespace holdfast::pool {
namespace {

using Algorithm = SignatureAlgorithm;
using Kind = PublicKey::Kind;

constexpr std::string_view kMessage = "what is signed";
constexpr std::pair<Algorithm, Kind> kPairs[] = {
    {Algorithm::kEs256, Kind::kP256},    {Algorithm::kEs384, Kind::kP384},
    {Algorithm::kRs256, Kind::kRsa},     {Algorithm::kPs256, Kind::kRsa},
    {Algorithm::kEdDsa, Kind::kEd25519},
};

std::string Decoded(absl::string_view base64url) {
  std::string bytes;
  EXPECT_TRUE(absl::WebSafeBase64Unescape(base64url, &bytes));
  return bytes;
}

TEST(PublicKeyTest, VerifiesWhatItsOtherHalfHasSignedAndNothingElse) {
  for (const auto& [algorithm, kind] : kPairs) {
    const std::string_view name = kSignatureAlgorithmWords.WordOf(algorithm);
    const TestKeyPair pair = TestKeyPair::Make(kind);
    const PublicKey key = pair.Public();
    const std::string signature = pair.Sign(algorithm, kMessage);
    EXPECT_TRUE(key.Verify(algorithm, kMessage, signature)) << name;
    EXPECT_FALSE(key.Verify(algorithm, "another", signature)) << name;
    EXPECT_FALSE(key.Verify(algorithm, "", signature)) << name;
    EXPECT_FALSE(TestKeyPair::Make(kind).Public().Verify(algorithm, kMessage, signature)) << name;
    EXPECT_EQ(ERR_peek_error(), 0u) << name << ": nothing is left behind for others";
  }
}

TEST(PublicKeyTest, AnyOtherBitMakesABadSignature) {
  for (const auto& [algorithm, kind] : kPairs) {
    const TestKeyPair pair = TestKeyPair::Make(kind);
    const PublicKey key = pair.Public();
    const std::string signature = pair.Sign(algorithm, kMessage);
    for (size_t i = 0; i < signature.size(); i += 7) {
      std::string other = signature;
      other[i] = static_cast<char>(other[i] ^ (1 << (i % 8)));
      EXPECT_FALSE(key.Verify(algorithm, kMessage, other)) << i;
    }
  }
}

TEST(PublicKeyTest, SignaturesOfAnotherLengthAreNone) {
  for (const auto& [algorithm, kind] : kPairs) {
    const TestKeyPair pair = TestKeyPair::Make(kind);
    const PublicKey key = pair.Public();
    const std::string signature = pair.Sign(algorithm, kMessage);
    const std::string zeros(signature.size(), '\0');
    const std::string ones(signature.size(), '\xff');
    for (const std::string& other :
         {std::string(), signature.substr(1), signature.substr(0, signature.size() - 1),
          signature + '\0', '\0' + signature, signature + signature, zeros, ones,
          std::string(1 << 20, 'x')}) {
      EXPECT_FALSE(key.Verify(algorithm, kMessage, other)) << other.size();
    }
  }
}

// CVE-2022-21449, and numbers that are the same modulo the order of the curve.
TEST(PublicKeyTest, NumbersOutOfTheCurvesRangeAreNoSignature) {
  const std::string zero(32, '\0');
  const std::string one = std::string(31, '\0') + '\1';
  const std::string order =
      absl::HexStringToBytes("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const TestKeyPair pair = TestKeyPair::Make(Kind::kP256);
  const PublicKey key = pair.Public();
  for (const auto& [r, s] :
       {std::pair(zero, zero), std::pair(zero, one), std::pair(one, zero), std::pair(order, order),
        std::pair(order, one), std::pair(one, order)}) {
    EXPECT_FALSE(key.Verify(Algorithm::kEs256, kMessage, r + s));
  }
}

TEST(PublicKeyTest, AKeyIsForAlgorithmsOfItsKindOnly) {
  for (const auto& [algorithm, kind] : kPairs) {
    const TestKeyPair pair = TestKeyPair::Make(kind);
    const PublicKey key = pair.Public();
    for (const auto& [other, other_kind] : kPairs) {
      EXPECT_EQ(key.Fits(other), other_kind == kind);
      if (other != algorithm) {
        EXPECT_FALSE(key.Verify(other, kMessage, pair.Sign(algorithm, kMessage)));
      }
    }
  }
}

// RFC 7518 section 3.5.
TEST(PublicKeyTest, TheSaltOfPs256IsAsLongAsTheDigest) {
  const TestKeyPair pair = TestKeyPair::Make(Kind::kRsa);
  const PublicKey key = pair.Public();
  EXPECT_TRUE(key.Verify(Algorithm::kPs256, kMessage, pair.SignPss(kMessage, 32)));
  for (const int salt : {0, 20, 31, 33, 64}) {
    EXPECT_FALSE(key.Verify(Algorithm::kPs256, kMessage, pair.SignPss(kMessage, salt))) << salt;
  }
}

TEST(PublicKeyTest, PointsThatAreOnNoCurveAreNoKeys) {
  const TestKeyPair pair = TestKeyPair::Make(Kind::kP256);
  const std::string x = pair.x();
  const std::string y = pair.y();
  EXPECT_TRUE(PublicKey::OfCurve(Kind::kP256, x, y).ok());
  const std::string zero(32, '\0');
  for (const auto& [bad_x, bad_y] :
       {std::pair(y, x), std::pair(zero, zero), std::pair(x, zero), std::pair(x, x)}) {
    EXPECT_EQ(PublicKey::OfCurve(Kind::kP256, bad_x, bad_y).status().message(),
              "x and y are no point on the curve");
  }
  for (const auto& [bad_x, bad_y] :
       {std::pair(x.substr(1), y), std::pair(x, y + '\0'), std::pair('\0' + x, y),
        std::pair(std::string(), std::string())}) {
    EXPECT_EQ(PublicKey::OfCurve(Kind::kP256, bad_x, bad_y).status().message(),
              "expected x and y of 32 bytes each");
  }
  EXPECT_FALSE(PublicKey::OfCurve(Kind::kP384, x, y).ok());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(PublicKeyTest, WeakKeysOfRsaAreRefused) {
  const TestKeyPair pair = TestKeyPair::Make(Kind::kRsa);
  const std::string n = pair.n();
  EXPECT_TRUE(PublicKey::OfRsa(n, pair.e()).ok());
  EXPECT_TRUE(PublicKey::OfRsa('\0' + n, '\0' + pair.e()).ok()) << "zeros in front say nothing";
  const TestKeyPair small = TestKeyPair::Make(Kind::kRsa, 1024);
  EXPECT_FALSE(PublicKey::OfRsa(small.n(), small.e()).ok());
  EXPECT_FALSE(PublicKey::OfRsa(std::string(128, '\0') + small.n(), small.e()).ok());
  std::string even = n;
  even.back() = static_cast<char>(even.back() & ~1);
  EXPECT_FALSE(PublicKey::OfRsa(even, pair.e()).ok());
  EXPECT_FALSE(PublicKey::OfRsa(std::string(1025, '\xff'), pair.e()).ok());
  for (const std::string& e : {std::string(), std::string("\0", 1), std::string("\1"),
                               std::string("\2"), std::string("\4"), std::string(9, '\1')}) {
    EXPECT_FALSE(PublicKey::OfRsa(n, e).ok()) << e.size();
  }
}

TEST(PublicKeyTest, AKeyOfEd25519Has32Bytes) {
  const std::string x = TestKeyPair::Make(Kind::kEd25519).x();
  EXPECT_TRUE(PublicKey::OfEd25519(x).ok());
  for (const std::string& other : {std::string(), x.substr(1), x + x}) {
    EXPECT_FALSE(PublicKey::OfEd25519(other).ok()) << other.size();
  }
}

// RFC 7515 appendices A.2 and A.3, RFC 8037 appendix A.4.
TEST(PublicKeyTest, TheExamplesOfTheRfcs) {
  const absl::StatusOr<PublicKey> curve =
      PublicKey::OfCurve(Kind::kP256, Decoded("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                         Decoded("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
  ASSERT_TRUE(curve.ok());
  const std::string payload =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ";
  EXPECT_TRUE(curve->Verify(Algorithm::kEs256, "eyJhbGciOiJFUzI1NiJ9." + payload,
                            Decoded("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISl"
                                    "SApmWQxfKTUJqPP3-Kg6NU1Q")));
  const absl::StatusOr<PublicKey> rsa = PublicKey::OfRsa(
      Decoded(
          "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP"
          "1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kp"
          "aSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG"
          "4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"),
      Decoded("AQAB"));
  ASSERT_TRUE(rsa.ok());
  EXPECT_TRUE(rsa->Verify(
      Algorithm::kRs256, "eyJhbGciOiJSUzI1NiJ9." + payload,
      Decoded(
          "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
          "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIAR"
          "NPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvh"
          "J1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_"
          "IoypGlUPQGe77Rw")));
  const absl::StatusOr<PublicKey> edwards =
      PublicKey::OfEd25519(Decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
  ASSERT_TRUE(edwards.ok());
  EXPECT_TRUE(edwards->Verify(
      Algorithm::kEdDsa, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      Decoded("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt"
              "9g7sVvpAr_MuM0KAg")));
}

}  // namespace
}  // namespace holdfast::pool
