package io.taskercore.document;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SuggestionTest {

  private static final List<String> KNOWN =
      List.of("name", "handler", "depends_on", "timeout_ms", "retry", "max_attempts", "database_pool_size");

  @ParameterizedTest
  @CsvSource({
    "nmae, name",
    "Handler, handler",
    "depends-on, depends_on",
    "dependson, depends_on",
    "timeout, timeout_ms",
    "retrys, retry",
    "retries, retry",
    "max_retries, max_attempts",
    "max_atempts, max_attempts",
    "pool_size, database_pool_size",
    "handler_class, handler"
  })
  void a_name_near_a_known_one_is_recognised(String given, String meant) {
    assertThat(Suggestion.forName(given, KNOWN)).isEqualTo("; did you mean " + meant + "?");
  }

  @ParameterizedTest
  @CsvSource(nullValues = "none", value = {
    "Shop.Order, Shop::Order",
    "shop/order, Shop::Order",
    "'Shop::Order ', Shop::Order",
    "Shop::Ordr, Shop::Order",
    "Shpo::Order, Shop::Order",
    "Shop::Orders, Shop::Order",
    "Shop::Prufe, Shop::Prüfe",
    "Shop::Odrre, none",
    "charge_3, none",
    "abd, none",
    "?, none",
  })
  void a_name_that_may_be_right_elsewhere_is_mistyped_only_where_it_is_very_near(String given, String meant) {
    assertThat(Suggestion.mistyped(given, List.of("Shop::Order", "Shop::Prüfe", "charge_2", "abc"))).isEqualTo(meant);
  }

  @Test
  void a_name_like_no_other_gets_no_suggestion() {
    assertThat(Suggestion.forName("colour", KNOWN)).isEmpty();
    assertThat(Suggestion.forName("x", List.of("a", "b"))).isEmpty();
    assertThat(Suggestion.forName("n".repeat(500), KNOWN)).isEmpty();
  }
}
