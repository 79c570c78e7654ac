package io.taskercore.jruby;

import io.taskercore.jruby.ClassFile.Member;
import io.taskercore.jruby.ClassFile.Use;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Modifier;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;

/** Classes that could be loaded together, and what the virtual machine would say when it links one of them to the others. */
final class ClassPath implements AutoCloseable {

  /** Of these packages each class must be there; the rest is the JDK's, and the core's libraries. */
  private static final List<String> LINKED = List.of("org/jruby/", "org/jcodings/", "org/joda/", "io/taskercore/jruby/");

  private final List<JarFile> jars = new ArrayList<>();
  private final Map<String, ClassFile> own = new HashMap<>();
  private final Map<String, ClassFile> found = new HashMap<>();

  /**
   * @param folder with jars, which are searched by no order
   * @param own classes that are in none of them
   */
  ClassPath(Path folder, List<ClassFile> own) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.jar")) {
      for (Path file : files) {
        jars.add(new JarFile(file.toFile()));
      }
    }
    own.forEach(one -> this.own.put(one.name(), one));
  }

  /** What is wrong with the class when it meets the others; empty if nothing is. */
  List<String> faults(ClassFile one) {
    List<String> faults = new ArrayList<>();
    one.uses().stream().filter(use -> isLinked(use.owner())).forEach(use -> {
      String fault = fault(one, use);
      if (fault != null) {
        faults.add(one.name() + " uses " + use + ", which " + fault);
      }
    });
    faults.addAll(inheritanceFaults(one));
    return faults;
  }

  private static boolean isLinked(String name) {
    return LINKED.stream().anyMatch(name::startsWith);
  }

  private String fault(ClassFile user, Use use) {
    ClassFile owner = find(use.owner());
    if (owner == null) {
      return "is gone";
    }
    if (use.name() == null) {
      return null;
    }
    if (!use.isOfField() && owner.isInterface() != use.ofInterface()) {
      return owner.isInterface() ? "is an interface now" : "is a class now";
    }
    if (use.owner().startsWith("io/taskercore/")) {
      return null;
    }
    Member member = resolve(owner, use);
    if (member == null) {
      return "has no such member";
    }
    boolean inherits = ancestors(user).anyMatch(ancestor -> ancestor.name().equals(use.owner()));
    boolean accessible = Modifier.isPublic(member.access()) || Modifier.isProtected(member.access()) && inherits;
    return accessible ? null : "is not accessible";
  }

  /** The member as the virtual machine finds it: in the class, what it extends, what it implements. */
  private Member resolve(ClassFile owner, Use use) {
    return ancestors(owner)
        .flatMap(ancestor -> (use.isOfField() ? ancestor.fields() : ancestor.methods()).stream())
        .filter(member -> member.is(use.name(), use.descriptor()))
        .findFirst()
        .orElse(null);
  }

  /** Abstract methods of JRuby's that the class leaves open, and final ones that it overrides. */
  private List<String> inheritanceFaults(ClassFile one) {
    List<String> faults = new ArrayList<>();
    List<ClassFile> ancestors = ancestors(one).toList();
    for (ClassFile ancestor : ancestors) {
      if (!isLinked(ancestor.name()) || ancestor == one) {
        continue;
      }
      if (Modifier.isFinal(ancestor.access())) {
        faults.add(one.name() + " extends " + ancestor.name() + ", which is final");
      }
      for (Member method : ancestor.methods()) {
        boolean declared = one.methods().stream().anyMatch(mine -> mine.is(method.name(), method.descriptor()));
        if (Modifier.isFinal(method.access()) && declared && !Modifier.isStatic(method.access()) && !Modifier.isPrivate(method.access())) {
          faults.add(one.name() + " overrides " + ancestor.name() + "." + method.name() + ", which is final");
        }
        boolean open = method.isAbstract() && !Modifier.isAbstract(one.access()) && ancestors.stream()
            .flatMap(other -> other.methods().stream())
            .noneMatch(other -> !other.isAbstract() && other.is(method.name(), method.descriptor()));
        if (open) {
          faults.add(one.name() + " does not implement " + ancestor.name() + "." + method.name() + method.descriptor());
        }
      }
    }
    return faults;
  }

  /** The class itself, what it extends, then what all of these implement. */
  private Stream<ClassFile> ancestors(ClassFile one) {
    Stream<ClassFile> parents = Stream.concat(Stream.ofNullable(one.superName()), one.interfaces().stream())
        .map(this::find)
        .filter(parent -> parent != null);
    return Stream.concat(Stream.of(one), parents.flatMap(this::ancestors));
  }

  /** Null if there is none. */
  private ClassFile find(String name) {
    return own.containsKey(name) ? own.get(name) : found.computeIfAbsent(name, this::load);
  }

  private ClassFile load(String name) {
    try (InputStream bytes = open(name + ".class")) {
      return bytes == null ? null : ClassFile.read(bytes);
    } catch (IOException unreadable) {
      throw new UncheckedIOException(name, unreadable);
    }
  }

  private InputStream open(String file) throws IOException {
    for (JarFile jar : jars) {
      ZipEntry entry = jar.getEntry(file);
      if (entry != null) {
        return jar.getInputStream(entry);
      }
    }
    return ClassLoader.getPlatformClassLoader().getResourceAsStream(file);
  }

  @Override
  public void close() throws IOException {
    for (JarFile jar : jars) {
      jar.close();
    }
  }
}
