package io.taskercore.document;

import io.taskercore.model.Printable;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A JSON value as it was written: members keep their order, and numbers keep their text, so that {@code 1e20} stays {@code 1e20}. */
public sealed interface Node {

  /** What the value is, for a message: {@code an array}, {@code the string "abc"}. */
  String described();

  /** {@link #described()}, with advice if YAML has turned a text into something else, such as {@code yes} or {@code 1.0}. */
  default String describedAsNoText() {
    return described() + (this instanceof Num || this instanceof Bool ? ": write it in quotes" : "");
  }

  /** An object. */
  record Obj(Map<String, Node> members) implements Node {
    public static final Obj EMPTY = new Obj(Map.of());

    public Obj {
      members = Collections.unmodifiableMap(new LinkedHashMap<>(members));
    }

    @Override
    public String described() {
      return "an object";
    }

    /** This object with the other's members laid over it: objects merge; any other value replaces what was there. */
    public Obj mergedWith(Obj stronger) {
      if (members.isEmpty()) {
        return stronger;
      }
      Map<String, Node> merged = new LinkedHashMap<>(members);
      stronger.members.forEach((key, value) -> merged.merge(key, value, Obj::merge));
      return new Obj(merged);
    }

    private static Node merge(Node weaker, Node stronger) {
      return weaker instanceof Obj below && stronger instanceof Obj above ? below.mergedWith(above) : stronger;
    }
  }

  /** An array. */
  record Arr(List<Node> items) implements Node {
    public Arr {
      items = List.copyOf(items);
    }

    @Override
    public String described() {
      return "an array";
    }
  }

  /** A string. */
  record Text(String value) implements Node {
    private static final int SHOWN = 40;

    @Override
    public String described() {
      return "the string " + Printable.quoted(value, SHOWN);
    }
  }

  /** A number as it was written. */
  record Num(String literal) implements Node {
    private static final int SHOWN = 40;

    public static Num of(long value) {
      return new Num(Long.toString(value));
    }

    /** True for {@code 12}, false for {@code 12.0} and {@code 1e3}. */
    public boolean isInteger() {
      return literal.chars().allMatch(c -> c == '-' || (c >= '0' && c <= '9'));
    }

    @Override
    public String described() {
      return "the number " + (literal.length() <= SHOWN ? literal : literal.substring(0, SHOWN) + "…");
    }
  }

  /** A boolean. */
  record Bool(boolean value) implements Node {
    @Override
    public String described() {
      return Boolean.toString(value);
    }
  }

  /** The null. */
  enum Null implements Node {
    NULL;

    @Override
    public String described() {
      return "null";
    }
  }
}
