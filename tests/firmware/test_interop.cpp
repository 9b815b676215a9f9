// The interop methods as a board calls them: through the method table, with managed arguments, against the double of the CLR.
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "IotPsk_Device_Native.h"
#include "nanoHAL.h"

extern "C" {
#include "bundles.h"
#include "dtls_server.h"
#include "harness.h"
#include "psk_core.h"
#include "tls_server.h"
}

static std::vector<ON_SOFT_REBOOT_HANDLER> soft_reboot;

void HAL_AddSoftRebootHandler(ON_SOFT_REBOOT_HANDLER handler)
{
    for (ON_SOFT_REBOOT_HANDLER known : soft_reboot)
        if (known == handler) return;
    soft_reboot.push_back(handler);
}

static const CLR_RT_NativeAssemblyData &assembly = g_CLR_AssemblyNative_IotPsk_Device_Native;

// The names stand in the order of the table (a test over the compiled stub holds both together), so that a call here goes where one
// of the CLR would.
static const char *const names[] = { "SelfTest", "VaultOpen", "VaultImport", "VaultDescribe", "VaultErase", "VaultClose", "Open", "Feed", "Step",
    "Drain", "Write", "Read", "CloseNotify", "Close", "SetFirstTimeout", "Tick", "Deadline", "Save", "Load", "Rekey", "Info", "ErrorName" };

static CLR_RT_MethodHandler native(const char *name)
{
    for (std::size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (std::strcmp(names[i], name) == 0) return assembly.m_pNativeMethods[i];
    CHECK(!"no such method");
    return nullptr;
}

static void put(CLR_RT_HeapBlock &block, CLR_INT32 value) { block.numeric.s4 = value; }
static void put(CLR_RT_HeapBlock &block, CLR_RT_HeapBlock_Array *value) { block.array = value; }
static void put(CLR_RT_HeapBlock &block, const char *value) { block.text = value; }

template <typename... Arguments> static CLR_INT32 call(const char *name, Arguments... arguments)
{
    CLR_RT_StackFrame stack;
    int at = 0;
    (put(stack.arguments[at++], arguments), ...);
    CHECK_EQUAL(S_OK, native(name)(stack));
    CHECK(stack.has_number);
    return stack.number;
}

static CLR_RT_HeapBlock_Array *const null_array = nullptr;

static CLR_INT32 vault_with_credential(CLR_RT_HeapBlock_Array &buffer)
{
    const CLR_INT32 vault = call("VaultOpen", (const char *)nullptr);
    CHECK(vault > 0);
    bundle_recipe recipe = usual_bundle;
    recipe.with_tls12 = 1;
    bytes bundle = {};
    make_bundle(&recipe, &bundle);
    std::memcpy(buffer.GetFirstElement(), bundle.data, bundle.length);
    CHECK_EQUAL(0, call("VaultImport", vault, 0, &buffer, (CLR_INT32)bundle.length));
    return vault;
}

TEST(firmware_registers_the_assembly_by_its_name)
{
    CHECK_EQUAL(0, std::strcmp("IotPsk.Device.Native", assembly.m_szAssemblyName));
    CHECK(assembly.m_checkSum != 0);
    CHECK_EQUAL(100, assembly.m_Version.uMajor);
    CHECK_EQUAL(0, call("SelfTest"));
}

TEST(ranges_outside_their_array_and_null_are_refused)
{
    CLR_RT_HeapBlock_Array buffer(2048), small(8), empty(0);
    const CLR_INT32 vault = vault_with_credential(buffer);
    const CLR_INT32 session = call("Open", vault, 0, PSK_CORE_TLS13, 512, 0);
    CHECK(session > 0);
    for (const char *name : { "Feed", "Drain", "Write", "Read" }) {
        CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call(name, session, null_array, 0, 0));
        CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call(name, session, &small, -1, 1));
        CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call(name, session, &small, 0, 9));
        CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call(name, session, &small, 9, 0));
        CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call(name, session, &small, 8, 1));
        CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call(name, session, &small, 4, -1));
        CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call(name, session, &small, 0x7fffffff, 0x7fffffff));
        CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call(name, session, &small, 1, (CLR_INT32)0x80000000));
    }
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call("VaultImport", vault, 0, null_array, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call("VaultImport", vault, 0, &small, 9));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call("VaultDescribe", vault, 0, null_array));
    CHECK_EQUAL(PSK_CORE_ERR_BUFFER, call("VaultDescribe", vault, 0, &empty));
    CHECK(call("VaultDescribe", vault, 0, &buffer) > 0);
    CHECK_EQUAL(0, call("Close", session));
    CHECK_EQUAL(0, call("VaultClose", vault));
}

TEST(error_names_are_strings_and_a_full_heap_is_an_exception)
{
    CLR_RT_StackFrame stack;
    put(stack.Arg0(), PSK_CORE_ERR_REFUSED);
    CHECK_EQUAL(S_OK, native("ErrorName")(stack));
    CHECK(stack.has_text && stack.text.find(": ") != std::string::npos);

    CLR_RT_StackFrame full;
    full.is_heap_full = true;
    put(full.Arg0(), PSK_CORE_ERR_REFUSED);
    CHECK_EQUAL(CLR_E_OUT_OF_MEMORY, native("ErrorName")(full));
    CHECK(!full.has_text);
}

TEST(closed_handles_are_refused_and_the_board_has_room_for_a_few)
{
    CLR_RT_HeapBlock_Array buffer(2048);
    const CLR_INT32 vault = vault_with_credential(buffer);
    std::vector<CLR_INT32> sessions;
    for (CLR_INT32 session = 1; session > 0;) {
        session = call("Open", vault, 0, PSK_CORE_TLS13, 512, 0);
        if (session > 0) sessions.push_back(session);
        else CHECK_EQUAL(PSK_CORE_ERR_MEMORY, session);
        CHECK(sessions.size() < 100);
    }
    CHECK_EQUAL(15, sessions.size());
    for (CLR_INT32 session : sessions) CHECK_EQUAL(0, call("Close", session));
    for (CLR_INT32 session : sessions) CHECK_EQUAL(PSK_CORE_ERR_HANDLE, call("Step", session));
    const CLR_INT32 again = call("Open", vault, 0, PSK_CORE_TLS13, 512, 0);
    CHECK(again > 0);
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, call("Open", vault, 16, PSK_CORE_TLS13, 512, 0));     /* the board has 16 slots */
    CHECK_EQUAL(0, call("Close", again));
    CHECK_EQUAL(0, call("VaultClose", vault));
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, call("VaultErase", vault, 0));
}

TEST(clr_that_starts_afresh_leaves_nothing_open)
{
    CLR_RT_HeapBlock_Array buffer(2048);
    for (int life = 0; life < 40; life++) {
        const CLR_INT32 vault = vault_with_credential(buffer);
        const CLR_INT32 session = call("Open", vault, 0, PSK_CORE_TLS13, 512, 0);
        CHECK(session > 0);
        CHECK_EQUAL(1, soft_reboot.size());
        soft_reboot[0]();
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, call("Step", session));
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, call("VaultClose", vault));
    }
}

TEST(handshake_waits_for_nobody)
{
    CLR_RT_HeapBlock_Array buffer(2048);
    const CLR_INT32 vault = vault_with_credential(buffer);
    const CLR_INT32 session = call("Open", vault, 0, PSK_CORE_TLS13, 512, 0);
    CLR_INT32 result = call("Step", session), sent = 0;
    while (result == PSK_CORE_WANTS_DRAIN) {
        sent += call("Drain", session, &buffer, 0, 2048);
        result = call("Step", session);
    }
    sent += call("Drain", session, &buffer, 0, 2048);
    CHECK(sent > 100);
    for (int i = 0; i < 3; i++) CHECK_EQUAL(PSK_CORE_WANTS_INPUT, call("Step", session));
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, call("Read", session, &buffer, 0, 10));
    CHECK_EQUAL(0, call("Close", session));
    CHECK_EQUAL(0, call("VaultClose", vault));
}

// The imported identity and a limit for records only hold if the firmware's build put our headers in front of two sources of mbedTLS.
TEST(session_of_an_imported_key_keeps_the_server_to_small_records)
{
    CLR_RT_HeapBlock_Array buffer(2048);
    const CLR_INT32 vault = vault_with_credential(buffer);
    bytes identity = {};
    recipe_identity(&usual_bundle, &identity);
    tls_server_settings settings = {};
    settings.identity = identity.data;
    settings.identity_length = identity.length;
    settings.key_first = usual_bundle.key_first;
    static tls_server server;
    tls_server_start(&server, &settings);

    const CLR_INT32 session = call("Open", vault, 0, PSK_CORE_TLS13, 512, 0);
    CHECK(session > 0);
    static CLR_UINT8 record[4096];
    CLR_RT_HeapBlock_Array text(2048);
    std::size_t largest = 0;
    bool is_sending = false;
    for (int round = 0; round < 20; round++) {
        (void)call("Step", session);
        for (CLR_INT32 length; (length = call("Drain", session, &buffer, 0, 2048)) > 0;)
            tls_server_receive(&server, buffer.GetFirstElement(), (std::size_t)length);
        if (server.handshakes == 1 && !is_sending) {
            is_sending = true;
            std::memset(record, 'x', sizeof record);
            CHECK(tls_server_send(&server, record, 2000) > 0);
        }
        // A record at a time.
        while (tls_server_drain(&server, record, 5) == 5) {
            const std::size_t length = (std::size_t)record[3] << 8 | record[4];
            CHECK_EQUAL(length, tls_server_drain(&server, record + 5, length));
            if (is_sending && length > largest) largest = length;
            std::memcpy(buffer.GetFirstElement(), record, length + 5);
            for (CLR_INT32 fed = 0, end = (CLR_INT32)length + 5; fed < end;) {
                const CLR_INT32 taken = call("Feed", session, &buffer, fed, end - fed);
                CHECK(taken > 0);
                fed += taken;
                (void)call("Step", session);
                if (is_sending) (void)call("Read", session, &text, 0, 2048);
            }
        }
    }
    CHECK_EQUAL(PSK_CORE_DONE, call("Step", session));
    CHECK_EQUAL(1, call("Info", session, PSK_CORE_INFO_IMPORTED));
    CHECK_EQUAL(0x0304, call("Info", session, PSK_CORE_INFO_VERSION));
    CHECK(largest > 400 && largest <= 512 + 16);
    CHECK_EQUAL(0, call("Close", session));
    CHECK_EQUAL(0, call("VaultClose", vault));
    tls_server_stop(&server);
}

static void carry(CLR_INT32 session, dtls_server &server, CLR_RT_HeapBlock_Array &buffer)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (CLR_INT32 length; (length = call("Drain", session, &buffer, 0, 2048)) > 0; moved = true)
            dtls_server_receive(&server, buffer.GetFirstElement(), (std::size_t)length);
        for (std::size_t length; (length = dtls_server_drain(&server, buffer.GetFirstElement(), 2048)) > 0; moved = true)
            CHECK_EQUAL(length, call("Feed", session, &buffer, 0, (CLR_INT32)length));
        if (moved) (void)call("Step", session);
    }
}

static std::string exchange(CLR_INT32 session, dtls_server &server, CLR_RT_HeapBlock_Array &buffer, const std::string &message)
{
    CLR_RT_HeapBlock_Array text(100);
    std::memcpy(text.GetFirstElement() + 7, message.data(), message.size());
    CHECK_EQUAL(message.size(), call("Write", session, &text, 7, (CLR_INT32)message.size()));
    carry(session, server, buffer);
    const CLR_INT32 length = call("Read", session, &text, 3, 90);
    CHECK(length > 0);
    return std::string((const char *)text.GetFirstElement() + 3, (std::size_t)length);
}

TEST(datagram_session_sleeps_and_wakes)
{
    CLR_RT_HeapBlock_Array buffer(2048);
    const CLR_INT32 vault = vault_with_credential(buffer);
    dtls_server_settings settings = {};
    settings.identity = "sensor-1~1";
    settings.key_first = 1;
    settings.connection_id = 6;
    static dtls_server server;
    dtls_server_start(&server, &settings);

    CLR_INT32 session = call("Open", vault, 0, PSK_CORE_DTLS12, 512, PSK_CORE_OPTION_CONNECTION_ID);
    CHECK(session > 0);
    CHECK_EQUAL(0, call("SetFirstTimeout", session, 1000));
    CHECK_EQUAL(0, call("Tick", session, 5));
    (void)call("Step", session);
    carry(session, server, buffer);
    CHECK_EQUAL(PSK_CORE_DONE, call("Step", session));
    CHECK_EQUAL(-1, call("Deadline", session));
    CHECK_EQUAL(6, call("Info", session, PSK_CORE_INFO_CONNECTION_ID));
    CHECK(exchange(session, server, buffer, "21.5") == "5.12");

    CHECK_EQUAL(0, call("Save", session));
    CHECK_EQUAL(0, call("Close", session));
    session = call("Load", vault, 0, 512, PSK_CORE_OPTION_CONNECTION_ID);
    CHECK(session > 0);
    CHECK(exchange(session, server, buffer, "awake") == "ekawa");
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, call("Load", vault, 0, 512, PSK_CORE_OPTION_CONNECTION_ID));
    CHECK_EQUAL(0, call("Close", session));
    CHECK_EQUAL(0, call("VaultErase", vault, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, call("Open", vault, 0, PSK_CORE_DTLS12, 512, 0));
    CHECK_EQUAL(0, call("VaultClose", vault));
    dtls_server_stop(&server);
}
