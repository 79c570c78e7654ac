package io.taskercore.template;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the formats of JSON Schema 2020-12 take and what they don't, where validators go wrong. */
class SchemaFormatsTest {

  private static boolean fits(String format, String value) {
    InputSchema schema = InputSchema.compile(Json.of("{\"properties\":{\"a\":{\"format\":\"" + format + "\"}}}"));
    return schema.validate(JsonWriter.object(payload -> payload.put("a", value))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "uri | https://example.com:8080/x",
        "uri | https://example.com:/x",
        "uri | https://me:secret@example.com:8080",
        "uri | http://[::1]:80/",
        "uri | urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
        "uri | mailto:a@example.com",
        "uri | ftp://ftp.is.co.za/rfc/rfc1808.txt",
        "uri | http://foo.bar/?q=Test%20URL-encoded%20stuff",
        "uri | tel:+1-816-555-1212",
        "uri | http://example.com/a?b=//c:d",
        "uri-reference | /abc:def",
        "uri-reference | //example.com:80/x",
        "uri-reference | #fragment",
        "uri-reference | ''",
        "iri | http://ƒøø.ßår:80/?∂éœ=πîx#πîüx",
        "iri-reference | //ƒøø.ßår:80/",
        "duration | P4DT12H30M5S",
        "duration | P4Y",
        "duration | P1Y2M3D",
        "duration | PT0S",
        "duration | P1M",
        "duration | PT36H",
        "duration | P2W",
        "hostname | www.example.com",
        "hostname | xn--4gbwdl.xn--wgbh1c",
        "hostname | xn--strae-oqa.de",
        "hostname | XN--MNCHEN-3YA.de",
        "hostname | xn--ihqwcrb4cv8a8dqg056pqjye.example",
        "hostname | 1host",
        "hostname | a--b",
        "idn-hostname | 실례.테스트",
        "idn-hostname | straße.de",
        "email | joe.bloggs@example.com",
        "email | te~st@example.com",
        "email | \"joe bloggs\"@example.com",
        "email | joe@[127.0.0.1]",
        "date-time | 1998-12-31T23:59:60Z",
        "date-time | 1998-12-31T15:59:60.123-08:00",
        "date-time | 2030-06-30T23:59:60Z",
        "date-time | 1963-06-19t08:30:06.283185z",
        "date-time | 2020-01-01T00:00:00.123456789123Z",
        "date | 2020-02-29",
        "time | 23:59:60Z",
        "time | 15:59:60-08:00",
        "time | 08:30:06.283185Z",
        "ipv4 | 192.168.0.1",
        "ipv6 | ::ffff:192.168.0.1",
        "uuid | 2EB8AA08-AA98-11EA-B4AA-73B441D16380",
        "json-pointer | /foo/~0~1/%25",
        "relative-json-pointer | 0#",
        "uri-template | http://example.com/dictionary/{term:1}/{term}"
      })
  void taken(String format, String value) {
    assertThat(fits(format, value)).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "uri | https://example.com:http/x",
        "uri | https://example.com:80a",
        "uri | https://me@example.com:x",
        "uri | http://[::1]:port/",
        "uri | http://[::1]x/",
        "uri | /abc",
        "uri | http:// shouldfail.com",
        "uri-reference | //example.com:http/x",
        "iri | http://ƒøø.ßår:ßå/",
        "iri-reference | //ƒøø.ßår:ßå/",
        "duration | P1D2Y",
        "duration | P2D1M",
        "duration | PT5S3M",
        "duration | PT1M2H",
        "duration | PT1D",
        "duration | P1D2H",
        "duration | P",
        "duration | PT",
        "duration | P1YT",
        "duration | P1Y2W",
        "duration | P1",
        "duration | -P1D",
        "duration | P-1D",
        "duration | P২Y",
        "duration | p1d",
        "hostname | xn--X",
        "hostname | xn--.com",
        "hostname | xn--abc-.com",
        "hostname | xn--07jt112bpxg.com",
        "hostname | xn--a-0hc.com",
        "hostname | a.xn--9999999999",
        "hostname | -a.com",
        "hostname | a_b.com",
        "hostname | ''",
        "email | a.example.com",
        "email | .test@example.com",
        "email | te..st@example.com",
        "date-time | 1998-12-31T23:58:60Z",
        "date-time | 1998-12-31T22:59:60Z",
        "date-time | 1990-02-31T15:59:59.123-08:00",
        "date-time | 2013-350T01:01:01",
        "date-time | 1963-06-19T08:30:06",
        "time | 22:59:60Z",
        "time | 08:30:06",
        "date | 2021-02-29",
        "ipv4 | 087.10.0.1",
        "ipv6 | 1::2::3",
        "uuid | 2eb8-aa08-aa98-11ea-b4aa73b44-1d16380",
        "uri-template | http://example.com/dictionary/{term:1}/{term"
      })
  void refused(String format, String value) {
    assertThat(fits(format, value)).isFalse();
  }
}
