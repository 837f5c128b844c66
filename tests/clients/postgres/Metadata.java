// What tools over JDBC ask: rows, values, a few rows at a time, and DatabaseMetaData. Prints the rows of a table with names.
import java.sql.*;
import java.util.*;

public class Metadata {
    static int count(ResultSet rows) throws SQLException {
        int count = 0;
        while (rows.next()) count++;
        return count;
    }

    public static void main(String[] arguments) throws Exception {
        String schema = arguments[2], name = arguments[3], table = "\"" + schema + "\"." + name;
        try (Connection connection = DriverManager.getConnection(arguments[0], "token", arguments[1])) {
            DatabaseMetaData data = connection.getMetaData();
            boolean known = count(data.getTables(null, schema, name, null)) == 1;
            boolean columns = count(data.getColumns(null, schema, name, "%")) > 0;
            if (known != columns) throw new IllegalStateException("a table without columns, or columns without a table");
            count(data.getSchemas());
            count(data.getCatalogs());
            count(data.getPrimaryKeys(null, schema, name));
            count(data.getImportedKeys(null, schema, name));
            count(data.getExportedKeys(null, schema, name));
            count(data.getIndexInfo(null, schema, name, false, true));
            count(data.getBestRowIdentifier(null, schema, name, 2, true));
            count(data.getProcedures(null, schema, "%"));
            count(data.getFunctions(null, schema, "%"));
            if (count(data.getTypeInfo()) < 20) throw new IllegalStateException("there are few types");
            if (!known) return;
            connection.setAutoCommit(false);
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT customer_id, full_name FROM " + table + " WHERE customer_id >= ? ORDER BY customer_id")) {
                statement.setFetchSize(2);
                statement.setInt(1, 0);
                ResultSet rows = statement.executeQuery();
                while (rows.next()) System.out.println(rows.getLong(1) + " " + rows.getString(2));
            }
            connection.commit();
        }
    }
}
