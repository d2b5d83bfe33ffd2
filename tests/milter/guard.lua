-- SPDX-License-Identifier: BSD-2-Clause
-- The guard by its socket alone (miltertest). Given by -D: socket; poor, rich: addresses of clients;
-- plaintext: the policy, accept or reject; with accept only `rich`, who has a habit, is refused.
-- Only the kind of a reply can be seen before the end of a message; its text is t_guard.sh's affair.

local function fail(why)
    mt.echo(why)
    error(why)
end

local function session(address, helo, tls)
    local conn = mt.connect(socket)
    if conn == nil then
        fail("cannot connect to " .. socket)
    end
    if mt.negotiate(conn, nil, nil, nil) ~= nil then
        fail("negotiation failed")
    end
    if mt.conninfo(conn, "unknown", address) ~= nil then
        fail("connect failed")
    end
    if tls ~= nil then
        mt.macro(conn, SMFIC_HELO, "{tls_version}", tls, "{cipher}", "TLS_AES_256_GCM_SHA384")
    end
    if mt.helo(conn, helo) ~= nil then
        fail("HELO failed")
    end
    if mt.mailfrom(conn, "<a@" .. helo .. ">") ~= nil then
        fail("MAIL failed")
    end
    return conn
end

local function goes_on(address, helo, tls)
    local conn = session(address, helo, tls)
    if mt.getreply(conn) ~= SMFIR_CONTINUE then
        fail(helo .. " is not told to go on, but " .. mt.getreply(conn))
    end
    mt.disconnect(conn)
end

local function refused(address, helo)
    local conn = session(address, helo, nil)
    if mt.getreply(conn) ~= SMFIR_REPLYCODE then
        fail(helo .. " is not refused, but told " .. mt.getreply(conn))
    end
    mt.disconnect(conn)
end

goes_on(rich, "mail.rich.test", "TLSv1.3")
goes_on(poor, "mail.poor.test", "TLSv1.2")
if plaintext == "reject" then
    refused(poor, "mail.poor.test")
else
    goes_on(poor, "mail.poor.test", nil)
end
refused(rich, "mail.rich.test")
goes_on("127.0.0.1", "mail.rich.test", nil)
