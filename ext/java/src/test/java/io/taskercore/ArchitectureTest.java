package io.taskercore;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.conditions.ArchConditions.dependOnClassesThat;
import static com.tngtech.archunit.lang.conditions.ArchConditions.never;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.GeneralCodingRules;
import io.taskercore.model.Json;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The walls between the layers of the core: docs/architecture.md says what each is for. */
class ArchitectureTest {

  private static final String ROOT = "io.taskercore.";

  private static final String ENGINE = ROOT + "engine";

  /** Each may import those above it. */
  private static final List<String> LAYERS =
      List.of("model", "document", "config", "template", "store", "event", "metrics", "http", "engine", "jruby");

  /** These know nothing of their neighbours, only of what is plain data and its reading. */
  private static final Set<String> APART = Set.of("config", "template", "store", "event", "metrics", "http");

  /** The packages of the engine, each by its job. Each may import those before it; the engine's own classes import all. */
  private static final List<String> WINGS =
      List.of(
          "threads", "clock", "task", "notify", "create", "attempt", "claim", "record", "housekeeping", "report", "operate", "run");

  /** So many classes that all need each other can still be read as one. */
  private static final int LARGEST_RING = 4;

  /** What stands where Json stands, wherever the build puts it; so without the tests. */
  private static final JavaClasses CORE =
      new ClassFileImporter().importUrl(Json.class.getProtectionDomain().getCodeSource().getLocation());

  static Stream<String> layers() {
    return LAYERS.stream();
  }

  @ParameterizedTest
  @MethodSource("layers")
  void a_layer_imports_only_those_above_it(String layer) {
    List<String> above = LAYERS.subList(0, LAYERS.indexOf(layer));
    Stream<String> neighbours = LAYERS.stream().filter(other -> !above.contains(other) && !other.equals(layer));
    Stream<String> apart = APART.contains(layer) ? above.stream().filter(APART::contains) : Stream.empty();
    String[] forbidden = Stream.concat(neighbours, apart).map(other -> ROOT + other + "..").toArray(String[]::new);

    if (forbidden.length > 0) {
      classes()
          .that()
          .resideInAPackage(ROOT + layer + "..")
          .should(never(dependOnClassesThat(resideInAnyPackage(forbidden))))
          .allowEmptyShould(true)
          .check(CORE);
    }
  }

  @Test
  void every_package_is_a_layer() {
    Set<String> packages =
        CORE.stream()
            .map(JavaClass::getPackageName)
            .map(name -> name.length() < ROOT.length() ? "" : name.substring(ROOT.length()).split("\\.")[0])
            .collect(Collectors.toSet());

    assertThat(LAYERS).containsAll(packages);
  }

  static Stream<String> wings() {
    return WINGS.stream();
  }

  @ParameterizedTest
  @MethodSource("wings")
  void a_wing_of_the_engine_imports_only_those_before_it(String wing) {
    Stream<String> after = WINGS.stream().skip(WINGS.indexOf(wing) + 1L).map(other -> ENGINE + "." + other + "..");

    noClasses()
        .that()
        .resideInAPackage(ENGINE + "." + wing + "..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(Stream.concat(Stream.of(ENGINE), after).toArray(String[]::new))
        .check(CORE);
  }

  @Test
  void every_package_of_the_engine_is_a_wing() {
    Set<String> packages =
        CORE.stream()
            .map(JavaClass::getPackageName)
            .filter(name -> name.startsWith(ENGINE + "."))
            .map(name -> name.substring(ENGINE.length() + 1))
            .collect(Collectors.toSet());

    assertThat(WINGS).containsExactlyInAnyOrderElementsOf(packages);
  }

  @Test
  void the_wings_of_the_engine_have_no_circle() {
    slices().matching(ENGINE + ".(*)..").should().beFreeOfCycles().check(CORE);
  }

  /** But for the bridge, whose handles and the state of their Ruby runtime need each other. */
  @Test
  void no_ring_of_classes_in_a_package_is_large() {
    Map<String, Set<String>> needs = new TreeMap<>();
    for (JavaClass one : CORE.that(DescribedPredicate.not(resideInAnyPackage(ROOT + "jruby..")))) {
      String outermost = outermost(one);
      needs.computeIfAbsent(outermost, name -> new TreeSet<>());
      one.getDirectDependenciesFromSelf().stream()
          .map(dependency -> dependency.getTargetClass().getBaseComponentType())
          .filter(other -> other.getPackageName().equals(one.getPackageName()))
          .forEach(other -> needs.get(outermost).add(outermost(other)));
    }
    Map<String, Set<String>> reach = new TreeMap<>();
    needs.keySet().forEach(name -> reach.put(name, reachable(name, needs)));

    List<Set<String>> large =
        reach.keySet().stream()
            .map(name -> reach.get(name).stream().filter(other -> reach.get(other).contains(name)).collect(Collectors.toSet()))
            .filter(ring -> ring.size() > LARGEST_RING)
            .distinct()
            .toList();
    assertThat(large).isEmpty();
  }

  private static String outermost(JavaClass one) {
    return one.getName().replaceFirst("\\$.*", "");
  }

  private static Set<String> reachable(String from, Map<String, Set<String>> needs) {
    Set<String> found = new TreeSet<>();
    Deque<String> open = new ArrayDeque<>(needs.getOrDefault(from, Set.of()));
    while (!open.isEmpty()) {
      String next = open.pop();
      if (found.add(next)) {
        open.addAll(needs.getOrDefault(next, Set.of()));
      }
    }
    return found;
  }

  @Test
  void only_the_bridge_knows_jruby() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + "jruby..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.jruby..")
        .check(CORE);
  }

  @Test
  void sql_is_in_the_store() {
    noClasses()
        .that()
        .resideInAnyPackage(
            Stream.of("model", "document", "config", "template", "event", "metrics", "http")
                .map(layer -> ROOT + layer + "..")
                .toArray(String[]::new))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("java.sql..")
        .check(CORE);
  }

  @Test
  void nothing_writes_to_the_standard_streams() {
    GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(CORE);
  }

  @Test
  void nothing_logs_through_java_util_logging() {
    GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING.check(CORE);
  }

  @Test
  void no_signature_of_the_core_has_a_map_of_objects() {
    methods()
        .that()
        .areDeclaredInClassesThat()
        .resideOutsideOfPackage(ROOT + "jruby..")
        .and(DescribedPredicate.describe("are not private", method -> !method.getModifiers().contains(JavaModifier.PRIVATE)))
        .should(haveNoMapOfObjects())
        .check(CORE);
  }

  private static ArchCondition<JavaMethod> haveNoMapOfObjects() {
    return new ArchCondition<>("have no Map<String, Object> in their signature") {
      @Override
      public void check(JavaMethod method, ConditionEvents events) {
        Stream<JavaType> types = Stream.concat(Stream.of(method.getReturnType()), method.getParameterTypes().stream());
        if (types.anyMatch(type -> type.getName().equals("java.util.Map<java.lang.String, java.lang.Object>"))) {
          events.add(SimpleConditionEvent.violated(method, method.getFullName() + " has a Map<String, Object>"));
        }
      }
    };
  }
}
