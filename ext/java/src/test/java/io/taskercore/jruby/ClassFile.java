package io.taskercore.jruby;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;

/**
 * A compiled class as a linker sees it: what it is, what it declares, what it refers to. Read from its bytes, because the classes
 * of a JRuby that needs a later Java than ours cannot be loaded.
 *
 * @param name with slashes
 * @param superName null for {@code java/lang/Object}
 */
record ClassFile(
    String name, int access, String superName, List<String> interfaces, List<Member> fields, List<Member> methods, List<Use> uses) {

  private static final int CLASS = 7;
  private static final int FIELD = 9;
  private static final int METHOD = 10;
  private static final int INTERFACE_METHOD = 11;

  /** What a class declares. */
  record Member(int access, String name, String descriptor) {

    boolean is(String otherName, String otherDescriptor) {
      return name.equals(otherName) && descriptor.equals(otherDescriptor);
    }

    boolean isAbstract() {
      return Modifier.isAbstract(access);
    }
  }

  /** A member of another class that the constant pool names; a class itself where {@code name} is null. */
  record Use(String owner, String name, String descriptor, boolean ofInterface) {

    boolean isOfField() {
      return name != null && descriptor.charAt(0) != '(';
    }

    @Override
    public String toString() {
      return name == null ? owner : owner + "." + name + (isOfField() ? " " : "") + descriptor;
    }
  }

  boolean isInterface() {
    return Modifier.isInterface(access);
  }

  static ClassFile read(InputStream bytes) throws IOException {
    DataInputStream in = new DataInputStream(bytes);
    in.readLong(); // magic and version
    Object[] pool = readPool(in);
    int access = in.readUnsignedShort();
    String name = className(pool, in.readUnsignedShort());
    String superName = className(pool, in.readUnsignedShort());
    List<String> interfaces = new ArrayList<>();
    for (int left = in.readUnsignedShort(); left > 0; left--) {
      interfaces.add(className(pool, in.readUnsignedShort()));
    }
    return new ClassFile(name, access, superName, interfaces, readMembers(in, pool), readMembers(in, pool), uses(pool));
  }

  /** An entry of two indexes into the pool. */
  private record Pair(int tag, int first, int second) {}

  private static Object[] readPool(DataInputStream in) throws IOException {
    Object[] pool = new Object[in.readUnsignedShort()];
    for (int i = 1; i < pool.length; i++) {
      int tag = in.readUnsignedByte();
      switch (tag) {
        case 1 -> pool[i] = in.readUTF();
        case 3, 4 -> in.readInt();
        case 5, 6 -> {
          in.readLong();
          i++;
        }
        case CLASS, 8, 16, 19, 20 -> pool[i] = new Pair(tag, in.readUnsignedShort(), 0);
        case FIELD, METHOD, INTERFACE_METHOD, 12, 17, 18 -> pool[i] = new Pair(tag, in.readUnsignedShort(), in.readUnsignedShort());
        case 15 -> pool[i] = new Pair(tag, in.readUnsignedByte(), in.readUnsignedShort());
        default -> throw new IOException("a constant of an unknown kind: " + tag);
      }
    }
    return pool;
  }

  private static String className(Object[] pool, int index) {
    return index == 0 ? null : (String) pool[((Pair) pool[index]).first()];
  }

  private static List<Member> readMembers(DataInputStream in, Object[] pool) throws IOException {
    List<Member> members = new ArrayList<>();
    for (int left = in.readUnsignedShort(); left > 0; left--) {
      int access = in.readUnsignedShort();
      String name = (String) pool[in.readUnsignedShort()];
      members.add(new Member(access, name, (String) pool[in.readUnsignedShort()]));
      for (int attributes = in.readUnsignedShort(); attributes > 0; attributes--) {
        in.readUnsignedShort();
        in.skipNBytes(Integer.toUnsignedLong(in.readInt()));
      }
    }
    return members;
  }

  private static List<Use> uses(Object[] pool) {
    List<Use> uses = new ArrayList<>();
    for (Object entry : pool) {
      if (entry instanceof Pair pair && pair.tag() == CLASS) {
        uses.add(new Use(elementClass((String) pool[pair.first()]), null, null, false));
      } else if (entry instanceof Pair pair && pair.tag() >= FIELD && pair.tag() <= INTERFACE_METHOD) {
        Pair signature = (Pair) pool[pair.second()];
        uses.add(new Use(
            elementClass(className(pool, pair.first())),
            (String) pool[signature.first()],
            (String) pool[signature.second()],
            pair.tag() == INTERFACE_METHOD));
      }
    }
    return uses;
  }

  /** Of an array's class, the class of its elements. */
  private static String elementClass(String name) {
    return name.startsWith("[") ? name.replaceAll("^\\[+L?|;$", "") : name;
  }
}
