package io.taskercore.jruby;

import java.util.Arrays;
import org.jruby.RubyModule;
import org.jruby.RubyString;
import org.jruby.runtime.ThreadContext;
import org.jruby.util.ByteList;

/**
 * The keys of Hashes that one Ruby runtime has read lately: frozen, deduplicated, found by their bytes.
 *
 * <p>Documents have the same few keys again and again, and the runtime's own table of frozen Strings costs more to ask than all the
 * rest of reading a key. Without locks: a key that gets lost because two threads add at once is added again. Bounded, so that
 * keys made of data push each other out and nothing more.
 */
final class KeyCache {

  private static final String VARIABLE = "tasker_core_keys";
  private static final int SLOTS = 1024;
  private static final int PROBES = 4;
  private static final int MAX_BYTES = 64;

  private final Key[] keys = new Key[SLOTS];

  private record Key(int hash, byte[] bytes, RubyString string) {}

  /** The runtime's own; it hangs on {@code Object}, and goes with it. */
  static KeyCache of(ThreadContext context) {
    RubyModule object = context.runtime.getObject();
    KeyCache cache = (KeyCache) object.getInternalVariable(VARIABLE);
    if (cache == null) {
      cache = new KeyCache();
      object.setInternalVariable(VARIABLE, cache);
    }
    return cache;
  }

  /** @return null if it is not here */
  RubyString find(byte[] bytes, int from, int to, int hash) {
    for (int probe = 0; probe < PROBES; probe++) {
      Key key = keys[slot(hash, probe)];
      if (key == null) {
        return null;
      }
      if (key.hash == hash && Arrays.equals(key.bytes, 0, key.bytes.length, bytes, from, to)) {
        return key.string;
      }
    }
    return null;
  }

  RubyString add(int hash, RubyString key) {
    ByteList bytes = key.getByteList();
    if (bytes.getRealSize() <= MAX_BYTES) {
      int probe = 0;
      while (probe < PROBES - 1 && keys[slot(hash, probe)] != null) {
        probe++;
      }
      // The oldest stay: they are a template's, what comes late in such numbers is data.
      keys[slot(hash, probe)] = new Key(hash, bytes.bytes(), key);
    }
    return key;
  }

  private static int slot(int hash, int probe) {
    return (hash ^ hash >>> 15) + probe & SLOTS - 1;
  }
}
