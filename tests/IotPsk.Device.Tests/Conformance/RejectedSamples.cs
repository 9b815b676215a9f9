// Each of these breaks one rule of the device subset, so that the rule is seen to bite.
namespace IotPsk.Device.Tests.Conformance;

internal sealed class GenericTypeSample<T>
{
    internal T? Value;
}

internal sealed class GenericInstanceSample
{
    internal readonly List<int> Numbers = [];
}

internal sealed class GenericMethodSample
{
    internal static void Swap<T>(ref T one, ref T other) => (other, one) = (one, other);
}

internal sealed class GenericCallSample
{
    internal static int[] Make() => Array.Empty<int>();
}

internal sealed class NullableSample
{
    internal int? Number;
}

internal sealed class AsyncSample
{
    internal static async Task Wait() => await Task.Delay(1);
}

internal sealed class TupleSample
{
    internal static (int, string) Pair() => (1, "one");
}

internal sealed class ActionSample
{
    internal static void Run(Action action) => action();
}

internal sealed class FuncSample
{
    internal static int Run(Func<int> function) => function();
}

internal sealed class MultidimensionalSample
{
    internal readonly int[,] Grid = new int[2, 2];
}

internal sealed class LinqSample
{
    internal static bool Any(string text) => text.Any();
}

internal sealed class SpanSample
{
    internal static int Length(Span<byte> bytes) => bytes.Length;
}

internal sealed class FilterSample
{
    internal static void Run(int code)
    {
        try
        {
            Console.Beep();
        }
        catch (IOException) when (code > 0)
        {
            Console.Beep();
        }
    }
}

internal sealed class StaticStateSample
{
    internal static int Count;
}

internal sealed class StaticObjectSample
{
    internal static readonly System.Collections.Hashtable Seen = [];
}

internal sealed class IteratorSample
{
    internal static System.Collections.IEnumerable Numbers()
    {
        yield return 1;
    }
}

internal sealed class TaskSample
{
    internal static void Wait(Task task) => task.Wait();
}

internal sealed unsafe class PointerSample
{
    internal static byte First(byte[] bytes)
    {
        fixed (byte* first = bytes)
            return *first;
    }
}

internal sealed unsafe class StackSample
{
    internal static int Sum()
    {
        int* numbers = stackalloc int[4];
        return numbers[0] + numbers[3];
    }
}

internal sealed class OverflowSample
{
    internal static int Add(int one, int other) => checked(one + other);
}

internal interface IDefaultSample
{
    int Number() => 1;
}

internal sealed class VolatileSample
{
    internal volatile bool Stopped;
}

internal sealed class AttributeSample
{
    [ThreadStatic]
    internal static int PerThread;
}

internal sealed class RangeSample
{
    internal static string Tail(string text) => text[Range.StartAt(1)];
}

internal sealed class LambdaSample
{
    internal delegate int Number();

    internal static Number One() => () => 1;
}

internal sealed class ForeignBaseSample : System.Collections.CollectionBase
{
}

internal sealed class ForeignFieldSample
{
    internal static System.Net.IPAddress Loopback() => System.Net.IPAddress.IPv6None;
}

internal sealed class ForeignTypeSample
{
    internal static bool IsMatch(string text) => System.Text.RegularExpressions.Regex.IsMatch(text, "a");
}

internal sealed class ForeignMemberSample
{
    internal static bool Has(string text) => text.Contains("a", StringComparison.Ordinal);
}

internal sealed class ForeignOverloadSample
{
    internal static string[] Split(string text) => text.Split("ab");
}
