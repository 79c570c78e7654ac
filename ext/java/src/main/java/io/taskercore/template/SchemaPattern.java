package io.taskercore.template;

import com.networknt.schema.regex.RegularExpression;
import com.networknt.schema.regex.RegularExpressions;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** A regular expression of a schema, in Java's engine. Each look at a character of the text counts as {@link Effort}. */
final class SchemaPattern implements RegularExpression {

  private final Pattern pattern;

  private SchemaPattern(Pattern pattern) {
    this.pattern = pattern;
  }

  /** @throws PatternSyntaxException if it is no regular expression, or is nested too deep to be compiled */
  static SchemaPattern of(String regex) {
    try {
      String javas = RegularExpressions.replaceLongformCharacterProperties(RegularExpressions.replaceDollarAnchors(regex));
      return new SchemaPattern(Pattern.compile(javas));
    } catch (StackOverflowError e) {
      throw new PatternSyntaxException("nested too deep", "", -1);
    }
  }

  @Override
  public boolean matches(String text) {
    Effort effort = Effort.current();
    return pattern.matcher(effort == null ? text : new Counted(text, effort)).find();
  }

  private record Counted(CharSequence text, Effort effort) implements CharSequence {

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      effort.character();
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return new Counted(text.subSequence(start, end), effort);
    }

    @Override
    public String toString() {
      return text.toString();
    }
  }
}
