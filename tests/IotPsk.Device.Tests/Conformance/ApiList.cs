using System.Text.RegularExpressions;

namespace IotPsk.Device.Tests.Conformance;

/// <summary>The public API of the device runtime: one line per type and member, as the lists in nanoframework-api have it.</summary>
internal sealed partial class ApiList
{
    private readonly Dictionary<string, string[]> _types = [];
    private readonly HashSet<string> _members = [];

    /// <summary>Reads all lists of a directory.</summary>
    internal static ApiList Load(string directory)
    {
        var list = new ApiList();
        foreach (string file in Directory.GetFiles(directory, "*.txt"))
        {
            foreach (string line in File.ReadLines(file))
                list.Add(line);
        }
        return list;
    }

    /// <summary>The full names of the types in one list.</summary>
    internal static IEnumerable<string> TypesOf(string file)
    {
        var list = new ApiList();
        foreach (string line in File.ReadLines(file).Where(line => line.StartsWith("T:", StringComparison.Ordinal)))
            list.Add(line);
        return list._types.Keys;
    }

    internal int Count => _types.Count + _members.Count;

    internal bool HasType(string name) => _types.ContainsKey(name);

    /// <summary>Whether a type or one of its bases has the member: <c>Name(type,type)</c>, a field just <c>Name</c>.</summary>
    internal bool HasMember(string type, string member)
    {
        if (_members.Contains(type + "::" + member))
            return true;
        return _types.TryGetValue(type, out string[]? bases)
            && (bases.Any(b => HasMember(b, member)) || (type != "System.Object" && HasMember("System.Object", member)));
    }

    private void Add(string line)
    {
        if (line.Length < 3 || line[1] != ':')
            return;
        string text = line[3..];
        switch (line[0])
        {
            case 'T':
                AddType(text);
                break;
            case 'P':
                AddProperty(text);
                break;
            case 'E':
                string name = text[(text.LastIndexOf(' ') + 1)..];
                AddMember(name, "add_", "*");
                AddMember(name, "remove_", "*");
                break;
            case 'F':
                _members.Add(Split(text.Split(" = ")[0].Split(' ')[^1]));
                break;
            default:
                AddMethod(text, line[0] == 'C');
                break;
        }
    }

    private void AddType(string text)
    {
        if (text.Contains('<', StringComparison.Ordinal))
            return;
        string[] halves = text.Split(" : ");
        string head = halves[0];
        if (head.Contains(" delegate ", StringComparison.Ordinal))
        {
            string name = head[..head.IndexOf('(', StringComparison.Ordinal)].Split(' ')[^1];
            _types[name] = ["System.MulticastDelegate"];
            _members.Add(name + "::.ctor(object,System.IntPtr)");
            _members.Add(name + "::Invoke" + Parameters(head));
            return;
        }
        _types[head.Split(' ')[^1]] = halves.Length > 1 ? halves[1].Split(", ") : [];
    }

    private void AddProperty(string text)
    {
        int brace = text.IndexOf(" {", StringComparison.Ordinal);
        string head = text[..brace], accessors = text[brace..];
        if (head.Contains("this[", StringComparison.Ordinal))
        {
            string owner = head[..head.IndexOf(".this[", StringComparison.Ordinal)].Split(' ')[^1];
            _members.Add($"{owner}::{(owner == "System.String" ? "get_Chars" : "get_Item")}(*)");
            _members.Add($"{owner}::set_Item(*)");
            return;
        }
        string name = head.Split(' ')[^1];
        if (accessors.Contains("get;", StringComparison.Ordinal))
            AddMember(name, "get_", "");
        if (accessors.Contains("set;", StringComparison.Ordinal))
            AddMember(name, "set_", "*");
    }

    private void AddMember(string fullName, string prefix, string parameters)
    {
        int dot = fullName.LastIndexOf('.');
        _members.Add($"{fullName[..dot]}::{prefix}{fullName[(dot + 1)..]}({parameters})");
    }

    private void AddMethod(string text, bool isConstructor)
    {
        string name = text[..text.IndexOf('(', StringComparison.Ordinal)].Split(' ')[^1];
        _members.Add(isConstructor ? $"{name}::.ctor{Parameters(text)}" : Split(name) + Parameters(text));
    }

    private static string Split(string fullName)
    {
        int dot = fullName.LastIndexOf('.');
        return $"{fullName[..dot]}::{fullName[(dot + 1)..]}";
    }

    // "(byte[] buffer, out int count)" becomes "(byte[],int&)".
    private static string Parameters(string text)
    {
        string inside = text[(text.IndexOf('(', StringComparison.Ordinal) + 1)..text.LastIndexOf(')')];
        if (inside.Length == 0)
            return "()";
        return "(" + string.Join(',', inside.Split(", ").Select(parameter =>
        {
            string plain = Default().Replace(parameter, "");
            string[] words = plain.Split(' ');
            string type = words[^2];
            return words[0] is "ref" or "out" ? type + "&" : type;
        })) + ")";
    }

    [GeneratedRegex(" = .*$")]
    private static partial Regex Default();
}
