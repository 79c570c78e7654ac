package io.taskercore.fault;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.ProtectionDomain;
import java.time.Instant;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/**
 * A wrong clock for one process: a Java agent under which every class outside the JDK that asks for the time is answered by this
 * one. It needs nothing from the system, and moves no other clock.
 *
 * <p>In each class it turns the references to {@code System.currentTimeMillis} and {@code Instant.now} into references to the
 * methods of the same names and types here: a change of the constant pool alone.
 */
public final class ShiftedClock {

  private static final String US = "io/taskercore/fault/ShiftedClock";
  private static final Map<String, String> SHIFTED =
      Map.of("java/lang/System", "currentTimeMillis()J", "java/time/Instant", "now()Ljava/time/Instant;");

  private static final int UTF8 = 1;
  private static final int CLASS = 7;
  private static final int METHOD = 10;

  private static volatile long shiftMs;

  private ShiftedClock() {}

  public static long currentTimeMillis() {
    return System.currentTimeMillis() + shiftMs;
  }

  public static Instant now() {
    return Instant.now().plusMillis(shiftMs);
  }

  /** The option with which a JVM runs under such a clock; the agent's jar is written into the folder. */
  static String jvmOption(Path folder, long byMs) {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().putValue("Premain-Class", ShiftedClock.class.getName());
    Path jar = folder.resolve("clock" + byMs + ".jar");
    try {
      new JarOutputStream(Files.newOutputStream(jar), manifest).close();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    return "-javaagent:" + jar + "=" + byMs;
  }

  public static void premain(String byMs, Instrumentation instrumentation) {
    shiftMs = Long.parseLong(byMs);
    instrumentation.addTransformer(new ClassFileTransformer() {
      @Override
      public byte[] transform(
          ClassLoader loader, String name, Class<?> redefined, ProtectionDomain domain, byte[] classFile) {
        try {
          return loader == null || US.equals(name) ? null : redirected(classFile);
        } catch (IOException | RuntimeException failure) {
          System.err.println("the clock of " + name + " stays right: " + failure);
          return null;
        }
      }
    });
  }

  /** The class file with its references moved; null where there are none. */
  private static byte[] redirected(byte[] classFile) throws IOException {
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(classFile));
    in.skipBytes(8);
    int count = in.readUnsignedShort();
    int[] tags = new int[count];
    int[] offsets = new int[count];
    Object[] values = new Object[count];
    for (int i = 1; i < count; i++) {
      tags[i] = in.readUnsignedByte();
      offsets[i] = classFile.length - in.available();
      switch (tags[i]) {
        case UTF8 -> values[i] = in.readUTF();
        case 5, 6 -> {
          in.skipBytes(8);
          i++;
        }
        case CLASS, 8, 16, 19, 20 -> values[i] = in.readUnsignedShort();
        case 15 -> in.skipBytes(3);
        case 3, 4 -> in.skipBytes(4);
        default -> values[i] = new int[] {in.readUnsignedShort(), in.readUnsignedShort()};
      }
    }
    int end = classFile.length - in.available();
    byte[] moved = classFile.clone();
    boolean any = false;
    for (int i = 1; i < count; i++) {
      if (tags[i] == METHOD) {
        int[] owner = (int[]) values[i];
        int[] method = (int[]) values[owner[1]];
        String wanted = SHIFTED.get(values[(int) values[owner[0]]]);
        if (((String) values[method[0]] + values[method[1]]).equals(wanted)) {
          moved[offsets[i]] = (byte) ((count + 1) >> 8);
          moved[offsets[i] + 1] = (byte) (count + 1);
          any = true;
        }
      }
    }
    return any ? withOurClass(moved, count, end) : null;
  }

  /** Our name and class, as the last two entries of the constant pool. */
  private static byte[] withOurClass(byte[] classFile, int count, int end) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.write(classFile, 0, 8);
    out.writeShort(count + 2);
    out.write(classFile, 10, end - 10);
    out.writeByte(UTF8);
    out.writeUTF(US);
    out.writeByte(CLASS);
    out.writeShort(count);
    out.write(classFile, end, classFile.length - end);
    return bytes.toByteArray();
  }
}
