using System.Data.Common;

namespace IotPsk.Keys;

/// <summary>One connection, and the transaction it is in: short forms over ADO.NET. Parameters are written @name, which every driver here knows.</summary>
internal readonly record struct SqlSession(DbConnection Connection, DbTransaction? Transaction = null)
{
    internal DbCommand Command(string text, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        var command = Connection.CreateCommand();
        command.CommandText = text;
        command.Transaction = Transaction;
        foreach (var (name, value) in values)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value ?? DBNull.Value);
            command.Parameters.Add(parameter);
        }

        return command;
    }

    internal int Execute(string text, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        using var command = Command(text, values);
        return command.ExecuteNonQuery();
    }

    internal long Scalar(string text, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        using var command = Command(text, values);
        return (long)(command.ExecuteScalar() ?? 0L);
    }

    /// <summary>Every row of an answer.</summary>
    internal List<T> List<T>(string text, Func<DbDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        using var command = Command(text, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(read(reader));
        return rows;
    }

    /// <summary>The first row of an answer; the default where there is none.</summary>
    internal T? First<T>(string text, Func<DbDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        using var command = Command(text, values);
        using var reader = command.ExecuteReader();
        return reader.Read() ? read(reader) : default;
    }

    internal static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    internal static DateTimeOffset? Time(DbDataReader reader, int column) => reader.IsDBNull(column) ? null : Time(reader.GetInt64(column));

    internal static byte[]? Bytes(DbDataReader reader, int column) => reader.IsDBNull(column) ? null : (byte[])reader.GetValue(column);
}
